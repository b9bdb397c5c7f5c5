//! What became of a run whose supervisor died before it could say so.

use super::folder::JobKind;
use crate::model::{ProfileState, RunId};
use crate::protocol::{ActivationResult, FailureReason, Journal, Order, Phase};

/// Returns the result that the journal tells of a job of `run`. `reached` is the last phase that
/// the job's own messages told.
pub(super) fn outcome(
    run: &RunId,
    kind: JobKind,
    journal: Option<&Journal>,
    reached: Option<Phase>,
    state: ProfileState,
) -> ActivationResult {
    if kind == JobKind::Recover {
        return recovery_outcome(journal, state);
    }
    let Some(journal) = journal.filter(|journal| journal.run == *run) else {
        return match reached {
            None | Some(Phase::Prepared) => not_started(),
            Some(phase) => interrupted(phase, "another run has used the profile since", state),
        };
    };
    let failure = journal.failure.clone();
    let reason = failure.unwrap_or(FailureReason::Interrupted {
        phase: journal.phase,
    });
    match journal.phase {
        Phase::Prepared => not_started(),
        // Taking back writes nothing before it begins, and begins with another phase.
        Phase::Confirmed if kind == JobKind::Revoke => not_started(),
        Phase::Confirmed => kept(journal, state),
        Phase::RolledBack if needs_reboot(journal) => ActivationResult::NeedsReboot { state },
        Phase::RolledBack => ActivationResult::RolledBack { reason, state },
        Phase::LeftFailed => ActivationResult::LeftFailed { reason, state },
        Phase::RollbackFailed => ActivationResult::RollbackFailed {
            reason,
            detail: "see the log on the node".to_owned(),
            state,
        },
        phase => interrupted(phase, nobody(phase), state),
    }
}

/// Returns the result of an activation that stays.
pub(super) fn kept(journal: &Journal, state: ProfileState) -> ActivationResult {
    match journal.order {
        Order::NextBoot => ActivationResult::Prepared { state },
        _ if journal.degraded => ActivationResult::Degraded { state },
        Order::SetFirst | Order::ConfirmFirst => ActivationResult::Done { state },
    }
}

/// With the profile set before, this is one failure among others.
fn needs_reboot(journal: &Journal) -> bool {
    journal.order == Order::ConfirmFirst && journal.failure == Some(FailureReason::NeedsReboot)
}

fn nobody(phase: Phase) -> &'static str {
    if phase == Phase::Committing {
        "nobody works on it any more; the next deployment of this profile finishes it first"
    } else {
        "nobody works on it any more; the next deployment of this profile takes it back first"
    }
}

/// A recovery that died is told by what it has left: something to do, or nothing.
fn recovery_outcome(journal: Option<&Journal>, state: ProfileState) -> ActivationResult {
    match journal.map(|journal| journal.phase) {
        Some(phase) if phase.is_pending() => interrupted(phase, nobody(phase), state),
        _ => ActivationResult::AlreadyDone { state },
    }
}

fn not_started() -> ActivationResult {
    ActivationResult::NotStarted {
        reason: "the agent was ended before it changed anything".to_owned(),
    }
}

fn interrupted(phase: Phase, detail: &str, state: ProfileState) -> ActivationResult {
    ActivationResult::RollbackFailed {
        reason: FailureReason::Interrupted { phase },
        detail: detail.to_owned(),
        state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::journal::tests::example;

    fn of(phase: Phase, reached: Option<Phase>) -> ActivationResult {
        let journal = example(phase);
        let state = journal.previous.state.clone();
        outcome(
            &journal.run,
            JobKind::Activate,
            Some(&journal),
            reached,
            state,
        )
    }

    #[test]
    fn a_pending_phase_is_never_told_as_a_success() {
        for phase in [
            Phase::Setting,
            Phase::Activating,
            Phase::Waiting,
            Phase::RollingBack,
        ] {
            let result = of(phase, Some(phase));
            let ActivationResult::RollbackFailed { reason, detail, .. } = result else {
                panic!("{result:?}")
            };
            assert_eq!(reason, FailureReason::Interrupted { phase });
            assert!(detail.contains("next deployment"));
        }
    }

    #[test]
    fn what_had_ended_is_told_as_it_ended() {
        let reached = Some(Phase::Waiting);
        assert!(matches!(
            of(Phase::Confirmed, reached),
            ActivationResult::Done { .. }
        ));
        assert!(matches!(
            of(Phase::RolledBack, reached),
            ActivationResult::RolledBack { .. }
        ));
        assert!(matches!(
            of(Phase::LeftFailed, reached),
            ActivationResult::LeftFailed { .. }
        ));
        assert!(matches!(
            of(Phase::Prepared, None),
            ActivationResult::NotStarted { .. }
        ));
        assert!(matches!(
            of(Phase::Confirmed, None),
            ActivationResult::Done { .. }
        ));
    }

    #[test]
    fn a_revocation_that_died_before_it_began_leaves_a_confirmed_journal() {
        let journal = example(Phase::Confirmed);
        let state = journal.previous.state.clone();
        let result = outcome(&journal.run, JobKind::Revoke, Some(&journal), None, state);
        assert!(matches!(result, ActivationResult::NotStarted { .. }));
    }

    #[test]
    fn the_journal_of_another_run_says_nothing() {
        let journal = example(Phase::Confirmed);
        let other = RunId::from_bytes([1; 16]);
        let state = journal.previous.state.clone();
        let kind = JobKind::Activate;
        let result = |reached| outcome(&other, kind, Some(&journal), reached, state.clone());
        assert!(matches!(result(None), ActivationResult::NotStarted { .. }));
        let reached = Some(Phase::Activating);
        assert!(matches!(
            result(reached),
            ActivationResult::RollbackFailed { .. }
        ));
    }
}
