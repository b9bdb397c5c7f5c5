//! What the one step between copying and activating lets through.

use crate::plan::{PlannedStep, StepKind};

/// What has to have succeeded before anything is activated anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Barrier {
    /// Every build; a node that could not be copied to drops out alone.
    #[default]
    Builds,
    /// Every build and every copy.
    AllOrNothing,
    /// Nothing; a node whose builds or copy failed drops out alone.
    KeepGoing,
}

/// Returns the steps as this barrier has them.
pub fn with_barrier(steps: &[PlannedStep], barrier: Barrier) -> Vec<PlannedStep> {
    let mut steps = steps.to_vec();
    let barriers = steps
        .iter_mut()
        .filter(|step| step.kind == StepKind::Barrier);
    for step in barriers {
        match barrier {
            Barrier::Builds => {}
            Barrier::AllOrNothing => step.depends_on.append(&mut step.after),
            Barrier::KeepGoing => step.after.append(&mut step.depends_on),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{StepGraph, StepId, test_plan};
    use crate::schedule::{Outcome, Walk};

    /// Two nodes that do not wait for each other.
    fn steps() -> Vec<PlannedStep> {
        let mut steps = test_plan().steps;
        for step in steps
            .iter_mut()
            .filter(|step| step.node.as_ref().is_some_and(|node| node.as_str() == "b"))
        {
            step.depends_on
                .retain(|id| !id.as_str().starts_with("activate:a"));
        }
        steps
    }

    /// Returns the steps that are skipped where the first step of a kind fails and all else succeeds.
    fn skipped(barrier: Barrier, failing: StepKind) -> Vec<StepId> {
        let steps = with_barrier(&steps(), barrier);
        let mut walk = Walk::new(&StepGraph::new(&steps).unwrap());
        let failing = steps.iter().find(|step| step.kind == failing).unwrap();
        let mut skipped = Vec::new();
        loop {
            let next = walk.ready().next().cloned();
            let Some(id) = next else { break };
            let outcome = if id == failing.id {
                Outcome::Failed {
                    message: "no".into(),
                }
            } else {
                Outcome::Unchanged
            };
            walk.start(&id);
            skipped.extend(walk.finish(&id, outcome).into_iter().map(|(id, _)| id));
        }
        assert!(walk.is_finished());
        skipped
    }

    fn activations() -> usize {
        let is_activation = |step: &&PlannedStep| step.kind == StepKind::Activate;
        steps().iter().filter(is_activation).count()
    }

    fn skipped_activations(barrier: Barrier, failing: StepKind) -> usize {
        let is_activation = |id: &&StepId| id.as_str().starts_with("activate:");
        skipped(barrier, failing)
            .iter()
            .filter(is_activation)
            .count()
    }

    #[test]
    fn one_failure_stops_as_much_as_was_asked_for() {
        for (barrier, copy_stops_all, build_stops_all) in [
            (Barrier::Builds, false, true),
            (Barrier::AllOrNothing, true, true),
            (Barrier::KeepGoing, false, false),
        ] {
            let all = activations();
            let by_copy = skipped_activations(barrier, StepKind::Copy);
            let by_build = skipped_activations(barrier, StepKind::Build);
            assert_eq!(
                by_copy == all,
                copy_stops_all,
                "{barrier:?}: {by_copy} of {all}"
            );
            assert_eq!(
                by_build == all,
                build_stops_all,
                "{barrier:?}: {by_build} of {all}"
            );
            assert!(by_copy > 0 && by_build > 0, "{barrier:?}");
        }
    }
}
