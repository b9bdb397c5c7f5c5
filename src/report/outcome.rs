//! How a step ended, in words.

use super::format::DisplayGenerations;
use super::steps::Steps;
use crate::apply::StepFact;
use crate::plan::{StepId, StepKind};
use crate::schedule::Outcome;

/// Returns what the step said was wrong.
pub(super) fn message(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Done { .. }
        | Outcome::Prepared { .. }
        | Outcome::DryActivated { .. }
        | Outcome::NoDryActivation
        | Outcome::Unchanged
        | Outcome::Skipped { .. } => None,
        Outcome::Failed { message }
        | Outcome::Broken { message }
        | Outcome::RolledBack { message }
        | Outcome::Degraded { message, .. }
        | Outcome::NeedsReboot { message }
        | Outcome::Unreachable { message }
        | Outcome::Stale { message }
        | Outcome::Locked { message }
        | Outcome::Cancelled { message } => Some(message),
    }
}

/// Returns why a step was skipped.
pub(super) fn skipped_since(steps: &Steps, cause: &StepId) -> String {
    format!("{} did not succeed", steps.deed(cause))
}

/// Returns the generations before and after, where the outcome leaves no doubt about them.
pub(super) fn generations(fact: &StepFact, outcome: &Outcome) -> String {
    let (before, planned) = (fact.generation_before, fact.generation_after);
    let (before, after) = match outcome {
        _ if fact.kind != StepKind::Activate => return String::new(),
        Outcome::Done { generation }
        | Outcome::Prepared { generation }
        | Outcome::Degraded { generation, .. } => (before, generation.or(planned)),
        Outcome::Unchanged => (planned.or(before), planned.or(before)),
        Outcome::RolledBack { .. } => (before, before),
        Outcome::Broken { .. } => (before, None),
        _ => return String::new(),
    };
    DisplayGenerations { before, after }.to_string()
}

/// Returns what state the step left behind, for those that did not succeed.
pub(super) fn state_left(fact: &StepFact, outcome: &Outcome) -> Option<String> {
    let activation = fact.kind == StepKind::Activate;
    let text = match (outcome, &fact.node) {
        (Outcome::RolledBack { .. }, _) => match fact.generation_before {
            Some(generation) => format!("back at generation {generation}, as before"),
            None => "as before: there was no generation to go back to".to_owned(),
        },
        (Outcome::Degraded { .. }, Some(node)) => {
            format!("the target is active: look at the failed units of {node}")
        }
        (Outcome::Broken { .. }, Some(node)) => {
            format!("what it changed is still there: look at {node}")
        }
        (Outcome::Stale { .. } | Outcome::Locked { .. }, _) => "nothing was touched".to_owned(),
        (Outcome::Failed { .. } | Outcome::NeedsReboot { .. }, Some(node)) if activation => {
            format!("nothing was changed on {node}")
        }
        (Outcome::Failed { .. } | Outcome::Unreachable { .. }, Some(node)) if !activation => {
            format!("nothing was activated on {node}")
        }
        (Outcome::Failed { .. }, None) => "nothing was changed on any node by it".to_owned(),
        (Outcome::Unreachable { .. }, _) => "unknown until the node answers again".to_owned(),
        _ => return None,
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn every_outcome_of_an_activation() {
        let message = || "m".to_owned();
        let fact = fixtures::fact("web1", "system", 41, 42);
        let outcomes = [
            Outcome::Done { generation: None },
            Outcome::Prepared { generation: None },
            Outcome::DryActivated { said: vec![] },
            Outcome::NoDryActivation,
            Outcome::Unchanged,
            Outcome::Failed { message: message() },
            Outcome::Broken { message: message() },
            Outcome::RolledBack { message: message() },
            Outcome::Degraded {
                generation: None,
                message: message(),
            },
            Outcome::NeedsReboot { message: message() },
            Outcome::Unreachable { message: message() },
            Outcome::Stale { message: message() },
            Outcome::Locked { message: message() },
            Outcome::Cancelled { message: message() },
        ];
        let told: Vec<String> = outcomes
            .iter()
            .map(|outcome| {
                let mark = super::super::style::outcome_mark(outcome, fact.kind);
                format!(
                    "{} {} | {} | {}",
                    mark.symbol,
                    mark.word,
                    generations(&fact, outcome),
                    state_left(&fact, outcome).unwrap_or_default()
                )
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        ✓ activated | generation 41 -> 42 | 
        ✓ prepared for the next boot | generation 41 -> 42 | 
        ✓ activated dry |  | 
        - without a dry activation |  | 
        = at its target | generation 42 | 
        ✗ failed |  | nothing was changed on web1
        ✗ not rolled back | generation 41 -> ? | what it changed is still there: look at web1
        < rolled back | generation 41 | back at generation 41, as before
        ! degraded | generation 41 -> 42 | the target is active: look at the failed units of web1
        ! needs a reboot |  | nothing was changed on web1
        ! unreachable |  | unknown until the node answers again
        ! refused (stale) |  | nothing was touched
        ! refused (locked) |  | nothing was touched
        - cancelled |  |
        ");
    }
}
