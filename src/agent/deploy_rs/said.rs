//! What a run says, in sentences for people.

use crate::protocol::{ActivationResult, AgentMessage, Phase};

/// Returns the sentence for a message, none for those that need none. How it ended is said by
/// [`failure`].
pub(super) fn sentence(message: &AgentMessage, in_detail: bool) -> Option<String> {
    match message {
        AgentMessage::Hello { log, .. } => {
            (in_detail && !log.is_empty()).then(|| format!("the log is {log}"))
        }
        AgentMessage::Recovered {
            operator, recovery, ..
        } => Some(format!("an unfinished run of {operator} {recovery}")),
        AgentMessage::Phase { phase } => {
            let is_told = match phase {
                Phase::Setting | Phase::Activating | Phase::RollingBack => true,
                Phase::Waiting => false,
                _ => in_detail,
            };
            is_told.then(|| phase.to_string())
        }
        AgentMessage::Waiting { seconds } => Some(format!(
            "activated; goes back in {seconds} s unless it is confirmed"
        )),
        AgentMessage::Output { .. } | AgentMessage::Result { .. } => None,
    }
}

/// Returns why a result is no success, none where it is one.
pub(super) fn failure(result: &ActivationResult) -> Option<String> {
    use ActivationResult::{
        AlreadyDone, Degraded, Done, LeftFailed, Locked, NeedsReboot, NotStarted, Prepared,
        RollbackFailed, RolledBack, Stale,
    };
    Some(match result {
        Done { .. } | Prepared { .. } | Degraded { .. } | AlreadyDone { .. } => return None,
        NeedsReboot { .. } => {
            "it cannot be activated without a reboot; nothing was changed".to_owned()
        }
        Stale { .. } => {
            "the profile is not what the last run made of it; nothing was changed".to_owned()
        }
        Locked { holder: None } => {
            "another run holds the profile's lock; nothing was changed".to_owned()
        }
        Locked {
            holder: Some(holder),
        } => format!(
            "{} holds the profile's lock (run {}, process {}); nothing was changed",
            holder.operator, holder.run, holder.pid
        ),
        NotStarted { reason } => reason.clone(),
        RolledBack { reason, .. } => format!("{reason}; everything is as it was before"),
        LeftFailed { reason, .. } => format!("{reason}; left as it is, since autoRollback is off"),
        RollbackFailed { reason, detail, .. } => {
            format!("{reason}, and going back failed: {detail}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProfileState;
    use crate::protocol::FailureReason;

    #[test]
    fn only_a_target_in_force_is_no_failure() {
        let state = ProfileState::Absent {
            highest_generation: None,
        };
        assert_eq!(
            failure(&ActivationResult::Done {
                state: state.clone()
            }),
            None
        );
        let reason = FailureReason::NotConfirmed { seconds: 3 };
        let said = failure(&ActivationResult::RolledBack { reason, state }).unwrap();
        assert!(
            said.contains("within 3 s") && said.contains("as it was before"),
            "{said}"
        );
    }

    #[test]
    fn what_a_person_waits_for_is_said_and_the_rest_in_detail_only() {
        let said = |phase, in_detail| sentence(&AgentMessage::Phase { phase }, in_detail);
        assert!(said(Phase::RollingBack, false).is_some());
        assert_eq!(said(Phase::Confirmed, false), None);
        assert!(said(Phase::Confirmed, true).is_some());
    }
}
