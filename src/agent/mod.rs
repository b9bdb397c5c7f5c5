//! The program on the node: takes the lock, keeps the journal, activates, waits, goes back.
//!
//! `activate start` ([`start`], [`follow`]) is what a connection runs and may lose at any time. It
//! starts a detached `activate supervise` ([`detach`], [`supervise`]), which does the work:
//!
//! - [`activate`] looks and records, then [`carry_out`] walks through the phases of [`machine`],
//!   each written to the [`journal`] before what it describes, with children that start behind a
//!   [`gate`];
//! - [`rollback`] does what [`rollback_plan`] says, at once or, in [`recovery`], after a crash;
//! - [`dry_run`] only lets a closure say what it would do, and can change no profile;
//! - [`confirmation`] is awaited by the supervisor and given by [`confirm`];
//! - [`system`] has what Linux alone has, and what is done elsewhere;
//! - [`deploy_rs`] lets deploy-rs's client start and confirm the same.

mod activate;
mod activation;
mod args;
mod canary;
mod carry_out;
mod clock;
mod commit;
mod confirm;
mod confirmation;
mod decision;
mod deploy_rs;
mod detach;
mod dry_run;
mod early;
mod entry;
mod environment;
mod error;
mod events;
mod fault;
mod folder;
mod follow;
mod gate;
mod hold;
mod identity;
mod journal;
mod listener;
mod lock;
mod log_lines;
mod machine;
mod nix;
mod outcome;
mod places;
mod profile;
mod program;
mod reactivate;
mod reading;
mod recover_node;
mod recovery;
mod reserve;
mod revoke;
mod rollback;
mod rollback_plan;
mod start;
mod supervise;
mod system;
mod work;

pub use entry::main;

/// The pure rules that the agent acts by, for whoever models it.
pub mod rules {
    pub use super::machine::{Fact, Policy, next};
    pub use super::profile::Snapshot;
    pub use super::rollback_plan::{
        LinkStep, Moment, is_restored, is_what_the_run_made, link_step, surplus_generation,
    };
}
