//! How a step ended.

use serde::{Deserialize, Serialize};

use crate::model::Generation;
use crate::plan::StepId;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it is for.
    Done {
        /// For an activation: the generation that is current now.
        generation: Option<Generation>,
    },
    /// The target is prepared for the next boot. Nothing was activated.
    Prepared {
        /// The generation that is current now.
        generation: Option<Generation>,
    },
    /// The closure has said what its activation would do. Nothing was changed.
    DryActivated {
        /// What it has said, line by line.
        said: Vec<String>,
    },
    /// The closure knows no dry activation. Nothing was run.
    NoDryActivation,
    /// Everything was as it should be already.
    Unchanged,
    /// It failed, and nothing was changed by it on any node.
    Failed {
        /// What was wrong.
        message: String,
    },
    /// It failed and what it had changed is still there: a person is needed.
    Broken {
        /// What was wrong, and what state the profile is in.
        message: String,
    },
    /// The activation failed or was not confirmed, and the profile is as it was before.
    RolledBack {
        /// What was wrong.
        message: String,
    },
    /// The target is active and stays, but some units of the node have failed.
    Degraded {
        /// The generation that is current now.
        generation: Option<Generation>,
        /// What is wrong.
        message: String,
    },
    /// The target can only be activated by a reboot. Nothing was changed.
    NeedsReboot {
        /// What to do.
        message: String,
    },
    /// It was not tried, since a step that it needs did not succeed.
    Skipped {
        /// The step that did not succeed in the first place.
        cause: StepId,
    },
    /// The node could not be reached; under an activation, its end is not known.
    Unreachable {
        /// What ssh said, and what will become of an activation.
        message: String,
    },
    /// The profile is not what the plan saw. Nothing was touched.
    Stale {
        /// What was expected and found.
        message: String,
    },
    /// Another run holds the profile's lock. Nothing was touched.
    Locked {
        /// Who holds it.
        message: String,
    },
    /// It was not started, or not waited for, since the run was interrupted.
    Cancelled {
        /// What will become of it.
        message: String,
    },
}

impl Outcome {
    /// Returns whether steps that depend on this one may go on.
    pub fn succeeded(&self) -> bool {
        matches!(
            self,
            Self::Done { .. }
                | Self::Prepared { .. }
                | Self::DryActivated { .. }
                | Self::NoDryActivation
                | Self::Unchanged
        )
    }
}
