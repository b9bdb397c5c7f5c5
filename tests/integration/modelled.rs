//! The agent as a model: random lives with faults at any point, against the promise of
//! docs/rollback.md, and a part of them replayed by the real agent.
//!
//! The model acts by the very rules of the executable ([`deploy::agent::rules`]): which phase follows
//! which, and what going back means. Only what those rules are about is modelled: links, what
//! runs, what boots, what a power cut takes.

mod actor;
mod drawn;
mod going_back;
mod promise;
mod replay;
mod sequence;
mod world;
