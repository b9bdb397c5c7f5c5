//! What became of the last run of a profile, as its journal and its lock tell it.

use serde::Serialize;

use super::observation::{ObservedJournal, ObservedLock, ProfileObservation};
use crate::model::{Operator, RunId};
use crate::protocol::{Journal, Phase};

/// The last run of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum LastRun {
    /// No run of this tool has changed the profile.
    None,
    /// Its record could not be looked at.
    Unknown,
    /// Its record makes no sense to this version.
    Unreadable {
        /// Why not.
        reason: String,
    },
    /// It is at work.
    Live {
        /// Who started it; unknown for a moment after it began.
        operator: Option<Operator>,
        /// What it does; none before it does anything.
        phase: Option<Phase>,
        /// When it goes back unless it is confirmed, in seconds since 1970 by the node's clock.
        deadline: Option<u64>,
    },
    /// It has not ended, and nobody works on it any more.
    Interrupted(Record),
    /// It has not ended; whether somebody works on it is not known.
    Unfinished(Record),
    /// It was confirmed and stays.
    Confirmed(Record),
    /// It was confirmed and stays, although some units have failed.
    Degraded(Record),
    /// It was taken back.
    RolledBack(Record),
    /// It failed and was left.
    LeftFailed(Record),
    /// Taking it back failed.
    RollbackFailed(Record),
}

/// What a journal says of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The run.
    pub run: RunId,
    /// Who started it.
    pub operator: Operator,
    /// How far it came.
    pub phase: Phase,
    /// What had failed.
    pub failure: Option<String>,
    /// When that was written, in seconds since 1970 by the node's clock.
    pub at: Option<u64>,
}

impl LastRun {
    /// Returns the last run of this profile.
    pub fn of(profile: &ProfileObservation) -> Self {
        match (&profile.lock, &profile.journal) {
            (ObservedLock::Held { holder }, journal) => {
                let holder = holder.as_ref();
                let own = match journal {
                    ObservedJournal::Read { journal, .. }
                        if holder.is_none_or(|holder| holder.run == journal.run) =>
                    {
                        Some(journal).filter(|journal| journal.phase.is_pending())
                    }
                    _ => None,
                };
                Self::Live {
                    operator: holder
                        .map(|holder| &holder.operator)
                        .or(own.map(|journal| &journal.operator))
                        .cloned(),
                    phase: own.map(|journal| journal.phase),
                    deadline: own
                        .filter(|journal| journal.phase == Phase::Waiting)
                        .and_then(|journal| journal.deadline),
                }
            }
            (_, ObservedJournal::None) => Self::None,
            (_, ObservedJournal::Unknown) => Self::Unknown,
            (_, ObservedJournal::Unreadable { reason }) => Self::Unreadable {
                reason: reason.clone(),
            },
            (lock, ObservedJournal::Read { journal, written }) => {
                let is_known = *lock == ObservedLock::Free;
                Self::ended(journal, *written, is_known)
            }
        }
    }

    fn ended(journal: &Journal, at: Option<u64>, nobody_is_there: bool) -> Self {
        let record = Record {
            run: journal.run.clone(),
            operator: journal.operator.clone(),
            phase: journal.phase,
            failure: journal.failure.as_ref().map(ToString::to_string),
            at,
        };
        match journal.phase {
            Phase::Confirmed if journal.degraded => Self::Degraded(record),
            Phase::Confirmed => Self::Confirmed(record),
            Phase::RolledBack => Self::RolledBack(record),
            Phase::LeftFailed => Self::LeftFailed(record),
            Phase::RollbackFailed => Self::RollbackFailed(record),
            _ if nobody_is_there => Self::Interrupted(record),
            _ => Self::Unfinished(record),
        }
    }

    /// Returns whether somebody works on the profile now.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Returns whether the profile is not as a run should leave it.
    pub fn needs_attention(&self) -> bool {
        matches!(
            self,
            Self::Interrupted(_)
                | Self::Unfinished(_)
                | Self::Unreadable { .. }
                | Self::RollbackFailed(_)
        )
    }

    /// Returns it in words, seen from `now` on the node's clock; empty where there is nothing to
    /// be said.
    pub fn sentence(&self, now: Option<u64>) -> String {
        match self {
            Self::None => String::new(),
            Self::Unknown => {
                "what its last run came to is unknown: no permission to read its record".to_owned()
            }
            Self::Unreadable { reason } => {
                format!("the record of its last run cannot be read: {reason}")
            }
            Self::Live {
                operator,
                phase,
                deadline,
            } => live(operator.as_ref(), *phase, *deadline, now),
            Self::Interrupted(record) => format!(
                "a run of {} was interrupted{} in phase '{}': the next `deploy apply` {} first",
                record.operator,
                record.ago(now),
                record.phase,
                if record.phase == Phase::Committing {
                    "finishes it"
                } else {
                    "takes it back"
                }
            ),
            Self::Unfinished(record) => format!(
                "a run of {} has not ended (phase '{}'); whether it is still at work is unknown",
                record.operator, record.phase
            ),
            Self::Confirmed(record) => {
                format!("deployed{} by {}", record.ago(now), record.operator)
            }
            Self::Degraded(record) => format!(
                "deployed{} by {}; some units failed to start, which stays, since onDegraded was keep",
                record.ago(now),
                record.operator
            ),
            Self::RolledBack(record) => format!(
                "a run of {} was rolled back{}{}",
                record.operator,
                record.ago(now),
                record.because()
            ),
            Self::LeftFailed(record) => format!(
                "a run of {} failed{} and was left as it is, since autoRollback was off{}",
                record.operator,
                record.ago(now),
                record.because()
            ),
            Self::RollbackFailed(record) => format!(
                "going back from a run of {} failed{}, and a person is needed{}",
                record.operator,
                record.ago(now),
                record.because()
            ),
        }
    }
}

impl Record {
    fn ago(&self, now: Option<u64>) -> String {
        match (now, self.at) {
            (Some(now), Some(at)) => format!(" {} ago", Lapse(now.saturating_sub(at))),
            _ => String::new(),
        }
    }

    fn because(&self) -> String {
        let failure = self.failure.as_ref();
        failure.map_or_else(String::new, |failure| format!(": {failure}"))
    }
}

fn live(
    operator: Option<&Operator>,
    phase: Option<Phase>,
    deadline: Option<u64>,
    now: Option<u64>,
) -> String {
    let who = operator.map_or_else(|| "a run".to_owned(), |who| format!("a run of {who}"));
    match (phase, deadline, now) {
        (Some(Phase::Waiting), Some(deadline), Some(now)) if deadline > now => format!(
            "{who} waits for its confirmation, for {} more",
            Lapse(deadline - now)
        ),
        (Some(Phase::Waiting), ..) => format!("{who} waits for its confirmation"),
        (Some(phase), ..) => format!("{who} is at work: {phase}"),
        (None, ..) => format!("{who} is at work"),
    }
}

/// A time in its largest unit, such as `5 min`.
struct Lapse(u64);

impl std::fmt::Display for Lapse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0;
        match seconds {
            0..60 => write!(formatter, "{seconds} s"),
            60..3600 => write!(formatter, "{} min", seconds / 60),
            3600..172_800 => write!(formatter, "{} h", seconds / 3600),
            _ => write!(formatter, "{} days", seconds / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProfileState;
    use crate::protocol::{
        FailureReason, Holder, JOURNAL_VERSION, Order, Previous, ProcessIdentity,
    };

    const NOW: u64 = 1_000_000;

    fn test_journal() -> Journal {
        Journal {
            format_version: JOURNAL_VERSION,
            run: RunId::from_bytes([7; 16]),
            operator: Operator {
                user: "alice".into(),
                host: "laptop".into(),
            },
            profile_path: "/p/x".parse().unwrap(),
            previous: Previous {
                link: None,
                state: ProfileState::Absent {
                    highest_generation: None,
                },
                generations: vec![],
                current_system: None,
            },
            target: "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a"
                .parse()
                .unwrap(),
            generation: None,
            sets_profile: true,
            order: Order::SetFirst,
            phase: Phase::Prepared,
            agent: ProcessIdentity {
                pid: 1,
                start_time: 1,
            },
            activation: None,
            deadline: None,
            boot_id: None,
            failure: None,
            activated: false,
            wrote_boot_entry: false,
            degraded: false,
            rebooted: false,
            confirm_folder: None,
            canary: None,
            activation_timeout: None,
        }
    }

    fn said(lock: ObservedLock, phase: Phase) -> String {
        let journal = Journal {
            phase,
            deadline: Some(NOW + 12),
            failure: (phase == Phase::RolledBack).then_some(FailureReason::Exited { status: 4 }),
            ..test_journal()
        };
        let profile = ProfileObservation {
            profile_path: "/p/x".parse().unwrap(),
            state: ProfileState::Absent {
                highest_generation: None,
            },
            newest: None,
            generations: vec![],
            journal: ObservedJournal::Read {
                journal: Box::new(journal),
                written: Some(NOW - 7300),
            },
            lock,
            sudo_allowed: None,
            active_units: None,
        };
        LastRun::of(&profile).sentence(Some(NOW))
    }

    #[test]
    fn a_run_that_stays_with_failed_units_is_told_from_one_without() {
        let of = |degraded| {
            let journal = Journal {
                phase: Phase::Confirmed,
                degraded,
                ..test_journal()
            };
            LastRun::ended(&journal, None, true)
        };
        assert_eq!(of(false).sentence(None), "deployed by alice@laptop");
        let degraded = of(true);
        assert!(degraded.sentence(None).contains("some units failed"));
        assert!(!degraded.needs_attention(), "it was asked for");
    }

    #[test]
    fn a_live_run_is_told_from_one_that_died() {
        let holder = Holder {
            run: test_journal().run,
            operator: Operator {
                user: "bob".into(),
                host: "desk".into(),
            },
            pid: 1,
            since: 0,
        };
        let held = |holder| ObservedLock::Held { holder };
        assert_eq!(
            said(held(Some(holder)), Phase::Waiting),
            "a run of bob@desk waits for its confirmation, for 12 s more"
        );
        assert_eq!(
            said(held(None), Phase::Activating),
            "a run of alice@laptop is at work: activating"
        );
        // The journal is that of an earlier run as long as the live one has written none.
        assert_eq!(said(held(None), Phase::Confirmed), "a run is at work");
        assert_eq!(
            said(ObservedLock::Free, Phase::Waiting),
            "a run of alice@laptop was interrupted 2 h ago in phase 'waiting for confirmation': the next `deploy apply` takes it back first"
        );
        assert!(said(ObservedLock::Unknown, Phase::Waiting).contains("is unknown"));
    }

    #[test]
    fn runs_that_have_ended() {
        assert_eq!(
            said(ObservedLock::Free, Phase::RolledBack),
            "a run of alice@laptop was rolled back 2 h ago: the activation exited with status 4"
        );
        assert_eq!(
            said(ObservedLock::Free, Phase::Confirmed),
            "deployed 2 h ago by alice@laptop"
        );
        assert!(said(ObservedLock::Free, Phase::RollbackFailed).contains("a person is needed"));
    }
}
