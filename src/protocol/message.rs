//! What the agent answers.

use serde::{Deserialize, Serialize};

use super::Phase;
use crate::model::{Operator, ProfileState, RunId, StorePath};

/// The answer to `handshake`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    /// [`super::PROTOCOL_VERSION`] of the agent.
    pub protocol: u32,
    /// The agent's own version, for messages.
    pub version: String,
}

/// The answer to `hold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// [`super::PROTOCOL_VERSION`] of the agent.
    pub protocol: u32,
    /// The paths that are not valid on the node and must be copied again.
    pub missing: Vec<StorePath>,
}

/// The answer to `confirm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case", deny_unknown_fields)]
pub enum ConfirmReply {
    /// The activation is confirmed and stays.
    Confirmed,
    /// The activation is still running; its deadline has not begun.
    NotWaiting,
    /// Nothing is left to confirm: the run has ended, or is not known here.
    Ended,
    /// The confirmation could not be given; another attempt may succeed before the deadline.
    Failed {
        /// Why.
        reason: String,
    },
}

/// One line of `start`, `attach`, `revoke` and `recover`. The last line is always `Result`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case", deny_unknown_fields)]
pub enum AgentMessage {
    /// The first line.
    Hello {
        /// [`super::PROTOCOL_VERSION`] of the agent.
        protocol: u32,
        /// Where the full output of the activation lies on the node.
        log: String,
    },
    /// An unfinished earlier activation was dealt with first.
    Recovered {
        /// The run that left it.
        run: RunId,
        /// Who had started that run.
        operator: Operator,
        /// What was done.
        recovery: Recovery,
    },
    /// The activation has entered a phase, which the journal says already.
    Phase {
        /// The phase.
        phase: Phase,
    },
    /// A piece of what the activation printed, without its line end.
    Output {
        /// The text, with anything that is not UTF-8 replaced.
        text: String,
    },
    /// The activation succeeded; a confirmation is awaited from now on.
    Waiting {
        /// Seconds until it goes back by itself.
        seconds: u64,
    },
    /// How it ended.
    Result {
        /// The result.
        result: ActivationResult,
    },
}

/// What was done about an earlier activation that had not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// It was not confirmed and was rolled back.
    RolledBack,
    /// It was confirmed, and finished.
    Finished,
    /// It had changed nothing yet.
    NothingDone,
    /// Somebody else has set the profile since; the profile was left alone.
    Superseded,
}

impl std::fmt::Display for Recovery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::RolledBack => "was not confirmed and was rolled back first",
            Self::Finished => "was confirmed and was finished first",
            Self::NothingDone => "had changed nothing",
            Self::Superseded => "was overtaken by a change of somebody else, which stays",
        })
    }
}

/// How an activation ended, and with that the state the profile is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case", deny_unknown_fields)]
pub enum ActivationResult {
    /// The target is active, and confirmed where that was asked for.
    Done {
        /// The profile now.
        state: ProfileState,
    },
    /// The target is prepared for the next boot; nothing was activated.
    Prepared {
        /// The profile now.
        state: ProfileState,
    },
    /// The target is active and confirmed, but some units have failed; kept, since `onDegraded` is
    /// `keep`.
    Degraded {
        /// The profile now.
        state: ProfileState,
    },
    /// The target cannot be activated without a reboot; nothing was changed.
    NeedsReboot {
        /// The profile now.
        state: ProfileState,
    },
    /// The link was at the target already; nothing was done.
    AlreadyDone {
        /// The profile now.
        state: ProfileState,
    },
    /// The profile is not what the plan saw; nothing was done.
    Stale {
        /// What was found.
        found: ProfileState,
    },
    /// Somebody else holds the profile's lock; nothing was done.
    Locked {
        /// The holder.
        holder: Option<Holder>,
    },
    /// It could not begin; nothing was done.
    NotStarted {
        /// Why.
        reason: String,
    },
    /// It failed, and everything is as it was before.
    RolledBack {
        /// What had failed.
        reason: FailureReason,
        /// The profile now.
        state: ProfileState,
    },
    /// It failed and was left as it is, since `autoRollback` is off.
    LeftFailed {
        /// What had failed.
        reason: FailureReason,
        /// The profile now.
        state: ProfileState,
    },
    /// It failed, and going back failed too: a person is needed.
    RollbackFailed {
        /// What had failed first.
        reason: FailureReason,
        /// What failed while going back.
        detail: String,
        /// The profile now.
        state: ProfileState,
    },
}

/// One line of `dry-run`. The last line is one of those that are no output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "dry_run", rename_all = "snake_case", deny_unknown_fields)]
pub enum DryRunMessage {
    /// A line that the dry activation printed.
    Output {
        /// The text, with anything that is not UTF-8 replaced.
        text: String,
    },
    /// It went well.
    Done,
    /// The closure knows no dry activation; nothing was run.
    Unknown,
    /// It failed.
    Failed {
        /// What had failed.
        reason: FailureReason,
    },
}

/// What was wrong with an activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case", deny_unknown_fields)]
pub enum FailureReason {
    /// The activation program ended with a status other than 0.
    #[error("the activation exited with status {status}")]
    Exited {
        /// The status.
        status: i32,
    },
    /// The target is active, but some units have failed.
    #[error("some units failed to start (status {status})")]
    Degraded {
        /// The status.
        status: i32,
    },
    /// The target can only be activated by a reboot.
    #[error("the target cannot be activated without a reboot; `deploy apply --boot` prepares one")]
    NeedsReboot,
    /// The activation program was killed.
    #[error("the activation was killed by signal {signal}")]
    Killed {
        /// The signal's number.
        signal: i32,
    },
    /// The activation ran for too long and was ended.
    #[error("the activation took longer than {seconds} s")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// No confirmation arrived.
    #[error("no confirmation arrived within {seconds} s of the activation")]
    NotConfirmed {
        /// The limit.
        seconds: u64,
    },
    /// The profile could not be set.
    #[error("the profile could not be set: {detail}")]
    SetProfile {
        /// What Nix said.
        detail: String,
    },
    /// The activation program could not be started.
    #[error("the activation could not be started: {detail}")]
    NotStarted {
        /// What the system said.
        detail: String,
    },
    /// The agent itself met an error, such as a full disk.
    #[error("{detail}")]
    Agent {
        /// What was wrong.
        detail: String,
    },
    /// The agent was ended before the activation had ended.
    #[error("the agent was interrupted in phase {phase}")]
    Interrupted {
        /// The phase that the journal named.
        phase: Phase,
    },
    /// The run was taken back as a whole, because another profile of it failed.
    #[error("the run was taken back")]
    Revoked,
}

/// Who holds a profile's lock; lies readable beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The run.
    pub run: RunId,
    /// Who started it.
    pub operator: Operator,
    /// Process id of the agent on the node.
    pub pid: u32,
    /// Seconds since 1970 when the lock was taken.
    pub since: u64,
}
