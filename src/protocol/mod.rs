//! What the operator's `deploy` and the agent on the node say to each other.
//!
//! Requests travel as one JSON argument of the agent's command line, answers as JSON lines on its
//! standard output. The last line is the result; an exit status that travelled over ssh is never
//! taken for one. Holds data only: neither side's behaviour lives here.

mod journal;
mod line;
mod manifest;
mod message;
mod reading;
mod request;

pub use journal::{
    ActivationProcess, JOURNAL_VERSION, Journal, Order, Phase, Previous, ProcessIdentity,
};
pub use line::{LineError, parse_line, to_line};
pub use manifest::{ClosureKind, Manifest};
pub use message::{
    ActivationResult, AgentMessage, ConfirmReply, DryRunMessage, FailureReason, Handshake, Hold,
    Holder, Recovery,
};
pub use reading::{JournalText, LockText, Reading};
pub use request::{ActivationRequest, AgentCommand};

/// The version of requests, messages and commands. Both ends must have the same one.
pub const PROTOCOL_VERSION: u32 = 2;
