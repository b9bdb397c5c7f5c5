//! What happened: past-tense facts without formatting, for reporters, logs and the summary.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Generation, NodeName, ProfileName, RunId};
use crate::plan::{StepId, StepKind};
use crate::schedule::Outcome;

/// The version of the event lines of `--json` and of `events.jsonl`.
pub const EVENTS_VERSION: u32 = 1;

/// A fact, and when it became one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedEvent {
    /// Milliseconds since the command started.
    pub at: u64,
    /// The fact.
    #[serde(flatten)]
    pub event: Event,
}

impl TimedEvent {
    /// Returns `event` as it happened after `elapsed`.
    pub fn new(elapsed: Duration, event: Event) -> Self {
        Self {
            at: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            event,
        }
    }
}

/// A fact of a plan or a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The evaluation of a flake began.
    EvaluationStarted {
        /// The flake.
        flake: String,
    },
    /// The evaluation of a flake ended well.
    EvaluationFinished {
        /// The flake.
        flake: String,
    },
    /// The checks of a flake began.
    CheckStarted {
        /// The flake.
        flake: String,
    },
    /// The checks of a flake passed.
    CheckFinished {
        /// The flake.
        flake: String,
    },
    /// Reading of a node began.
    ObservationStarted {
        /// The node.
        node: NodeName,
    },
    /// Reading of a node ended.
    ObservationFinished {
        /// The node.
        node: NodeName,
        /// What was wrong, if something was.
        error: Option<String>,
    },
    /// Building for the plan began.
    BuildStarted {
        /// How many derivations are to be built or fetched.
        derivations: u64,
    },
    /// Building for the plan ended.
    BuildFinished {
        /// How many derivations failed.
        failed: u64,
    },
    /// ssh, or sudo on a node, asks the operator for something on the terminal.
    AskingStarted {
        /// The user and host that it is about.
        destination: String,
    },
    /// It has its answer.
    AskingFinished,
    /// Nix or another tool said something worth showing, outside of any step.
    Noted {
        /// The node that it concerns.
        node: Option<NodeName>,
        /// What was said.
        message: String,
    },
    /// The walk over the steps began.
    RunStarted {
        /// The version of this format.
        version: u32,
        /// The run.
        run: RunId,
        /// The plan that is applied.
        plan: RunId,
        /// The steps, in the plan's order.
        steps: Vec<StepFact>,
        /// Where events and logs are kept, on the operator's machine.
        folder: String,
    },
    /// A step began.
    StepStarted {
        /// The step.
        step: StepId,
    },
    /// An activation entered a stage.
    StepStaged {
        /// The step.
        step: StepId,
        /// The stage.
        stage: Stage,
    },
    /// What a step runs printed a line.
    StepPrinted {
        /// The step.
        step: StepId,
        /// The line, without its end.
        line: String,
    },
    /// A step ended.
    StepFinished {
        /// The step.
        step: StepId,
        /// How.
        outcome: Outcome,
        /// The last lines that the failed child printed.
        tail: Vec<String>,
        /// Where its full output lies.
        log: Option<String>,
    },
    /// The operator asked to stop.
    Interrupted {
        /// Whether running activations are not waited for any more.
        abandoned: bool,
    },
    /// The walk ended.
    RunFinished {
        /// The exit code that the run leads to.
        exit_code: u8,
    },
}

/// A step as reporters need to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFact {
    /// Its id.
    pub id: StepId,
    /// What it does.
    pub kind: StepKind,
    /// The node that it concerns.
    pub node: Option<NodeName>,
    /// The profile that it concerns.
    pub profile: Option<ProfileName>,
    /// For an activation: the generation before.
    pub generation_before: Option<Generation>,
    /// For an activation: the generation that is planned.
    pub generation_after: Option<Generation>,
}

/// How far an activation has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// An unfinished earlier activation was dealt with.
    Recovered {
        /// What was done, as a sentence.
        detail: String,
    },
    /// The profile is being set.
    Setting,
    /// The activation runs.
    Activating,
    /// A confirmation is awaited.
    Waiting {
        /// Seconds until it goes back by itself.
        seconds: u64,
    },
    /// The confirmation was accepted.
    Confirmed,
    /// It is being taken back.
    RollingBack,
    /// The connection to the node was lost, and is being made again.
    Reconnecting,
}
