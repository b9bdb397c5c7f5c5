//! What every step of a run needs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::agents::Agents;
use super::sink::EventSink;
use crate::model::{Operator, RunId, StorePath};
use crate::nix::Nix;
use crate::plan::Plan;
use crate::schedule::Barrier;

/// How many steps of a kind may run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Builds, here and on nodes together. Without a limit some here, since Nix itself builds in
    /// parallel within each, and as many on nodes as there may be copies.
    pub builds: Option<usize>,
    /// Copies.
    pub copies: usize,
    /// Activations.
    pub activations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            builds: None,
            copies: 10,
            activations: 50,
        }
    }
}

/// What a failure means for the rest of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Where a build or a copy fails.
    pub barrier: Barrier,
    /// Where a copy or an activation fails.
    pub on_failure: OnFailure,
}

/// What the first copy or activation that fails does to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Those that do not depend on it go on.
    #[default]
    GoOn,
    /// Nothing more is started; what was activated stays.
    Stop,
    /// Nothing more is started, and what was activated goes back.
    TakeBack,
}

/// What the activation steps of a run do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activations {
    /// Activate.
    Real,
    /// Let the closures say what they would do. No outcome of that is one that could be taken back.
    Dry,
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
    /// What a failure means for the rest.
    pub policy: Policy,
    /// What its activation steps do.
    pub activations: Activations,
    /// Seconds to wait for a profile's lock.
    pub lock_timeout: u64,
}
