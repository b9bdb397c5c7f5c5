//! The command line of deploy-rs's own agent, for deploy-rs's client.
//!
//! A closure has its agent as `activate-rs`, which that client calls as `activate`, `wait` and
//! `revoke`, and confirms by removing a file. Only the words are deploy-rs's: what is done is done
//! by the same detached supervisor as for `deploy`, under the same lock and journal.

mod args;
mod call;
mod dry_activate;
mod location;
mod log;
mod mark;
mod said;

pub(super) use args::{Arguments, is_meant};
pub(super) use call::{CallError, carry_out};
