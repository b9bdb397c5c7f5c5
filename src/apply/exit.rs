//! What a run comes to, from the outcomes of its steps alone.

use crate::plan::{Plan, StepKind};
use crate::schedule::Outcome;

/// The end of an apply, as the README's table of exit codes has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every selected profile is at its target.
    AtTarget,
    /// It failed before anything was changed on any node.
    Failed,
    /// Some nodes failed or were rolled back.
    Partial,
    /// The plan is stale, and nothing was changed anywhere.
    Stale,
    /// Another run holds the lock.
    Locked,
    /// The operator interrupted it.
    Interrupted,
}

impl Exit {
    /// Returns the exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::AtTarget => 0,
            Self::Failed => 1,
            Self::Partial => 3,
            Self::Stale => 4,
            Self::Locked => 5,
            Self::Interrupted => 130,
        }
    }
}

/// Returns what these outcomes of a plan's steps come to.
pub fn exit_of<'a>(
    plan: &Plan,
    outcomes: impl Iterator<Item = (StepKind, &'a Outcome)>,
    interrupted: bool,
) -> Exit {
    let activations: Vec<&Outcome> = outcomes
        .filter(|(kind, _)| *kind == StepKind::Activate)
        .map(|(_, outcome)| outcome)
        .collect();
    let any = |is: fn(&Outcome) -> bool| activations.iter().any(|outcome| is(outcome));
    if interrupted {
        return Exit::Interrupted;
    }
    if plan.summary.unreadable_nodes == 0 && !any(|outcome| !outcome.succeeded()) {
        return Exit::AtTarget;
    }
    if any(changed_its_node) {
        Exit::Partial
    } else if any(|outcome| matches!(outcome, Outcome::Locked { .. })) {
        Exit::Locked
    } else if any(|outcome| matches!(outcome, Outcome::Stale { .. })) {
        Exit::Stale
    } else {
        Exit::Failed
    }
}

/// An activation that was begun has changed its node, even where it was taken back.
fn changed_its_node(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Done { .. }
            | Outcome::Prepared { .. }
            | Outcome::Degraded { .. }
            | Outcome::RolledBack { .. }
            | Outcome::Broken { .. }
            | Outcome::Unreachable { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::test_plan;

    fn exit(outcomes: &[Outcome]) -> Exit {
        exit_of(
            &test_plan(),
            outcomes.iter().map(|outcome| (StepKind::Activate, outcome)),
            false,
        )
    }

    #[test]
    fn zero_never_hides_a_rollback() {
        let done = Outcome::Done { generation: None };
        let rolled_back = Outcome::RolledBack {
            message: String::new(),
        };
        let degraded = Outcome::Degraded {
            generation: None,
            message: String::new(),
        };
        let needs_reboot = Outcome::NeedsReboot {
            message: String::new(),
        };
        let stale = Outcome::Stale {
            message: String::new(),
        };
        let locked = Outcome::Locked {
            message: String::new(),
        };
        let failed = Outcome::Failed {
            message: String::new(),
        };
        for (outcomes, expected) in [
            (vec![], Exit::AtTarget),
            (vec![done.clone(), Outcome::Unchanged], Exit::AtTarget),
            (vec![rolled_back], Exit::Partial),
            (vec![degraded], Exit::Partial),
            (vec![needs_reboot.clone()], Exit::Failed),
            (vec![done.clone(), needs_reboot], Exit::Partial),
            (vec![done, stale.clone()], Exit::Partial),
            (vec![stale.clone(), failed.clone()], Exit::Stale),
            (vec![stale, locked], Exit::Locked),
            (vec![failed], Exit::Failed),
        ] {
            assert_eq!(exit(&outcomes), expected, "{outcomes:?}");
        }
        assert_eq!(
            exit_of(&test_plan(), [].into_iter(), true),
            Exit::Interrupted
        );
    }
}
