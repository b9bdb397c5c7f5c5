//! Taking a run back as a whole: in the opposite order of its activations.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{PlannedStep, StepId};

/// Returns the steps that take `activated` back, in an order in which they can run: each after the
/// end of all that were activated because of it, directly or through steps between.
pub fn take_back_steps(steps: &[PlannedStep], activated: &BTreeSet<StepId>) -> Vec<PlannedStep> {
    let mut earlier = BTreeMap::<&StepId, BTreeSet<&StepId>>::new();
    for step in steps {
        // The steps stand in an order in which they can run, so that those before are known.
        let direct = step.depends_on.iter().chain(&step.after);
        let mut all: BTreeSet<&StepId> = direct.clone().collect();
        all.extend(direct.filter_map(|id| earlier.get(id)).flatten().copied());
        earlier.insert(&step.id, all);
    }
    let is_activated = |step: &&PlannedStep| activated.contains(&step.id);
    let waits_for = |step: &PlannedStep| {
        let follows = |other: &&PlannedStep| earlier[&other.id].contains(&step.id);
        let followers = steps.iter().filter(is_activated).filter(follows);
        followers.map(|other| other.id.clone()).collect()
    };
    let reversed = steps.iter().rev().filter(is_activated);
    reversed
        .map(|step| PlannedStep {
            depends_on: Vec::new(),
            after: waits_for(step),
            ..step.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{StepGraph, StepKind};

    fn step(name: &str, depends_on: &[&str]) -> PlannedStep {
        PlannedStep {
            id: name.parse().unwrap(),
            kind: StepKind::Activate,
            node: None,
            profile: None,
            drv_path: None,
            depends_on: depends_on
                .iter()
                .map(|name| name.parse().unwrap())
                .collect(),
            after: vec![],
        }
    }

    #[test]
    fn the_last_goes_back_first() {
        let steps = [
            step("router", &[]),
            step("web1.system", &["router"]),
            step("web1.unchanged", &["web1.system"]),
            step("web1.app", &["web1.unchanged"]),
            step("web2", &["router"]),
            step("alone", &[]),
        ];
        let activated = ["router", "web1.system", "web1.app", "alone"];
        let activated = activated.map(|name| name.parse().unwrap()).into();
        let back = take_back_steps(&steps, &activated);
        let told: Vec<String> = back
            .iter()
            .map(|step| {
                let after: Vec<&str> = step.after.iter().map(AsRef::as_ref).collect();
                format!("{} after [{}]", step.id, after.join(", "))
            })
            .collect();
        assert_eq!(
            told,
            [
                "alone after []",
                "web1.app after []",
                "web1.system after [web1.app]",
                "router after [web1.system, web1.app]",
            ]
        );
        assert!(StepGraph::new(&back).is_ok());
    }
}
