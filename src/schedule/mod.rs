//! The walk over the graph as a synchronous state machine: what may start, and what an outcome
//! means for the rest. Knows steps by their id only; runs nothing and awaits nothing.

mod outcome;
mod walk;

pub use outcome::Outcome;
pub use walk::Walk;
