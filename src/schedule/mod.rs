//! The walk over the graph as a synchronous state machine: what may start, and what an outcome
//! means for the rest. Knows steps by their id only; runs nothing and awaits nothing.

mod barrier;
mod outcome;
mod take_back;
mod walk;

pub use barrier::{Barrier, with_barrier};
pub use outcome::Outcome;
pub use take_back::take_back_steps;
pub use walk::Walk;
