//! What a step hands back when it has ended.

use crate::schedule::Outcome;

/// How a step ended, with the last lines of what it ran.
#[derive(Debug)]
pub(super) struct StepEnd {
    pub(super) outcome: Outcome,
    pub(super) tail: Vec<String>,
}

impl From<Outcome> for StepEnd {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            tail: Vec::new(),
        }
    }
}
