//! Deploying through the agent that deploy-rs has put into a closure, where none of ours starts.
//!
//! That agent (`activate-rs activate`, `wait`, `revoke`) keeps no journal and takes no lock, and
//! goes back to the generation before, whichever that is. What it does is therefore checked from
//! here as far as it can be: before, that the profile is what the plan saw and that the generation
//! before is the current one; afterwards, where the link really leads.

mod choice;
mod look;
mod session;
mod take_back;
mod words;

pub(super) use choice::{copy, is_chosen, is_needed_after};
pub(super) use session::run;
pub(super) use take_back::revoke;
