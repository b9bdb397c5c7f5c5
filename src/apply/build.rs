//! The build step: the outputs of one derivation on the operator's machine.

use std::collections::BTreeMap;

use super::context::RunContext;
use super::step_end::StepEnd;
use super::step_log::StepLog;
use crate::nix;
use crate::plan::{PlannedStep, StepKind};
use crate::schedule::Outcome;

/// Builds what is missing of a derivation's targets; most were built with the plan.
pub(super) async fn run<H>(
    context: &RunContext<H>,
    step: &PlannedStep,
    log: &mut StepLog,
) -> StepEnd {
    debug_assert_eq!(step.kind, StepKind::Build);
    let profiles = context
        .plan
        .profiles
        .iter()
        .filter(|profile| profile.built_here() == step.drv_path.as_ref());
    let targets: BTreeMap<_, _> = profiles
        .map(|profile| (profile.target.path.clone(), profile.target.drv_path.clone()))
        .filter(|(path, _)| context.missing.contains(path))
        .collect();
    if targets.is_empty() {
        return StepEnd::from(Outcome::Unchanged);
    }
    match nix::build(&context.nix, &targets, |line| log.line(line)).await {
        Ok(failures) => match failures.into_values().next() {
            None => StepEnd::from(Outcome::Done { generation: None }),
            Some(failure) => StepEnd {
                outcome: Outcome::Failed {
                    message: "the build failed; nothing was activated".to_owned(),
                },
                tail: failure.lines,
            },
        },
        Err(error) => StepEnd::from(Outcome::Failed {
            message: error.to_string(),
        }),
    }
}
