//! The engine: walks a plan's graph in parallel and reports facts. Draws nothing.
//!
//! `dispatcher` owns the walk and decides; the step modules do the work and send facts through
//! the sink. What a run comes to is computed from outcomes alone (`exit`).

mod activate;
mod again;
mod agent_call;
mod agents;
mod build;
mod confirm;
mod context;
mod copy;
mod dispatcher;
#[cfg(test)]
mod dispatcher_tests;
mod dry_activate;
mod event;
mod exit;
mod follower;
mod known;
mod lane;
mod legacy;
mod node_build;
mod orphan;
mod recover;
mod release;
mod result;
mod settle;
mod shipment;
mod sink;
mod stale;
mod step_end;
mod step_log;
mod take_back;
mod unlock;

pub use agents::{AgentError, Agents};
pub use context::{Activations, Limits, OnFailure, Policy, RunContext};
pub use dispatcher::{Interrupts, RunEnd, run_plan};
pub use event::{EVENTS_VERSION, Event, Stage, StepFact, TimedEvent};
pub use exit::{Exit, exit_of};
pub use recover::{RecoveryContext, Unfinished, find_unfinished, recover};
pub use sink::EventSink;
pub use stale::{StaleProfile, find_stale, fleet_nodes};
pub use unlock::{LockedSudo, UnlockError, Unlocking, locked_sudos};
