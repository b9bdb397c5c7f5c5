//! What is known of an activation on its node, and how long it is worth waiting for more.

use std::time::Duration;

use tokio::time::Instant;

use super::confirm::Answered;
use crate::model::ProfileSettings;
use crate::protocol::{AgentMessage, Phase};

/// How long after its deadline an activation may take to say what it does.
const SILENCE: Duration = Duration::from_secs(10);
/// How long after the deadline of an activation a lost node is still looked for.
const LOST_GRACE: Duration = Duration::from_secs(5);

/// What is known of an activation.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Whether the agent has said that it is there.
    pub(super) greeted: bool,
    /// When it goes back unless it is confirmed, once it waits for that.
    pub(super) waiting_until: Option<Instant>,
    /// How the agent has answered a confirmation.
    pub(super) answered: Option<Answered>,
    decision: Option<Decision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Stays,
    GoesBack,
}

impl Known {
    /// Takes note of a message. Returns the deadline of the confirmation, if it begins to be
    /// awaited with this one.
    pub(super) fn note(&mut self, message: &AgentMessage) -> Option<Instant> {
        match message {
            AgentMessage::Hello { .. } => self.greeted = true,
            AgentMessage::Phase { phase } => match phase {
                Phase::RollingBack => self.decision = Some(Decision::GoesBack),
                Phase::Committing | Phase::Confirmed => self.decision = Some(Decision::Stays),
                _ => {}
            },
            AgentMessage::Waiting { seconds } if self.waiting_until.is_none() => {
                self.waiting_until = Some(Instant::now() + Duration::from_secs(*seconds));
                return self.waiting_until;
            }
            _ => {}
        }
        None
    }

    /// Returns when an activation that should have said by then what it does is given up. One that
    /// goes back, or is made permanent, takes its time for as long as the connection lives.
    pub(super) fn given_up_at(&self) -> Option<Instant> {
        let until = self.waiting_until.filter(|_| self.decision.is_none());
        until.map(|until| until + SILENCE)
    }

    /// Returns until when a node that was last heard of at `lost_at` is looked for.
    pub(super) fn lost_deadline(&self, lost_at: Instant, settings: &ProfileSettings) -> Instant {
        match self.waiting_until {
            Some(until) if self.decision.is_none() && !self.was_confirmed() => {
                until.max(lost_at) + LOST_GRACE
            }
            _ => lost_at + Duration::from_secs(settings.confirm_timeout) + LOST_GRACE,
        }
    }

    fn was_confirmed(&self) -> bool {
        self.answered
            .as_ref()
            .is_some_and(|answered| answered.confirmed)
    }

    /// Returns what the node does by itself.
    pub(super) fn future(&self, settings: &ProfileSettings) -> String {
        match self.decision {
            Some(Decision::GoesBack) => return "it goes back by itself already".to_owned(),
            None if !self.was_confirmed() => {}
            _ => return "it was activated and confirmed, and stays".to_owned(),
        }
        if !self.greeted {
            return "it is not known whether the agent was started; if it was, an activation that nobody confirms goes back by itself".to_owned();
        }
        if !settings.magic_rollback {
            return "it stays as the activation leaves it, since magicRollback is off".to_owned();
        }
        let endless = match settings.activation_timeout {
            None if self.waiting_until.is_none() => {
                "; an activation that never ends is not ended, for activationTimeout is not set"
            }
            _ => "",
        };
        format!(
            "it goes back by itself {} s after its activation, since it was not confirmed{endless}",
            settings.confirm_timeout
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::test_plan;

    fn settings() -> ProfileSettings {
        test_plan().profiles[0].settings.clone()
    }

    fn phase(phase: Phase) -> AgentMessage {
        AgentMessage::Phase { phase }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_silent_is_given_up_soon_and_what_works_is_not() {
        let settings = settings();
        let timeout = Duration::from_secs(settings.confirm_timeout);
        let now = Instant::now();
        let mut known = Known::default();
        assert_eq!(known.given_up_at(), None, "an activation may take its time");
        assert_eq!(
            known.lost_deadline(now, &settings),
            now + timeout + LOST_GRACE
        );
        let until = now + Duration::from_secs(12);
        let waiting = AgentMessage::Waiting { seconds: 12 };
        assert_eq!(known.note(&waiting), Some(until));
        assert_eq!(known.note(&waiting), None, "told again, not begun again");
        assert_eq!(known.given_up_at(), Some(until + SILENCE));
        assert_eq!(known.lost_deadline(now, &settings), until + LOST_GRACE);
        let late = until + Duration::from_secs(60);
        assert_eq!(known.lost_deadline(late, &settings), late + LOST_GRACE);
        known.note(&phase(Phase::RollingBack));
        assert_eq!(known.given_up_at(), None, "going back takes its time, too");
    }

    #[test]
    fn the_future_is_what_the_agent_said_last() {
        let settings = settings();
        let mut known = Known::default();
        assert!(known.future(&settings).contains("not known whether"));
        known.greeted = true;
        assert!(
            known
                .future(&settings)
                .contains("30 s after its activation")
        );
        known.note(&phase(Phase::Committing));
        assert!(known.future(&settings).contains("stays"));
        known.note(&phase(Phase::RollingBack));
        assert!(
            known
                .future(&settings)
                .contains("goes back by itself already")
        );
    }
}
