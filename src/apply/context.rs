//! What every step of a run needs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::agents::Agents;
use super::sink::EventSink;
use crate::model::{Operator, RunId, StorePath};
use crate::nix::Nix;
use crate::plan::Plan;

/// How many steps of a kind may run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Builds; Nix itself builds in parallel within each.
    pub builds: usize,
    /// Copies.
    pub copies: usize,
    /// Activations.
    pub activations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            builds: 2,
            copies: 10,
            activations: 50,
        }
    }
}

/// Everything that the steps of one run share.
#[derive(Debug)]
pub struct RunContext<H> {
    /// The run.
    pub run: RunId,
    /// Who started it.
    pub operator: Operator,
    /// What is applied.
    pub plan: Plan,
    /// The nodes.
    pub host: H,
    /// How Nix is called.
    pub nix: Nix,
    /// The agents that can be sent to nodes.
    pub agents: Arc<Agents>,
    /// Targets that are not in the operator's store and must be built or fetched.
    pub missing: BTreeSet<StorePath>,
    /// Where the logs of the steps go.
    pub folder: PathBuf,
    /// Where facts go.
    pub sink: EventSink,
    /// How much may run at the same time.
    pub limits: Limits,
    /// Whether a failure takes back what this run has activated elsewhere.
    pub rollback_succeeded: bool,
    /// Seconds to wait for a profile's lock.
    pub lock_timeout: u64,
}
