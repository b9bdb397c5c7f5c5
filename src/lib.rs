//! Plan and apply changes to fleets of NixOS and Nix machines described by a flake.
//!
//! The layers, each of which uses only those before it (held by a test, `layering`):
//!
//! - [`model`], [`protocol`]: the vocabulary, and what travels between operator and agent;
//! - `config`, `plan`, `schedule`: the pure core;
//! - `process`, `nix`, `ssh`, `host`: the world;
//! - `observe`, `planner`, `apply`: the engine;
//! - `report`: events and plans for people and machines;
//! - `cli`: the shell around all of it.
//!
//! [`agent`] is the program on the node; it uses only `model`, `protocol` and `process`.

#[cfg(feature = "agent")]
pub mod agent;
#[cfg(feature = "operator")]
pub mod apply;
#[cfg(feature = "operator")]
pub mod cli;
#[cfg(feature = "operator")]
pub mod config;
#[cfg(feature = "operator")]
pub mod host;
pub mod model;
#[cfg(feature = "operator")]
pub mod nix;
#[cfg(feature = "operator")]
pub mod observe;
#[cfg(feature = "operator")]
pub mod plan;
#[cfg(feature = "operator")]
pub mod planner;
pub mod process;
pub mod protocol;
#[cfg(feature = "operator")]
pub mod report;
#[cfg(feature = "operator")]
pub mod schedule;
#[cfg(feature = "operator")]
pub mod ssh;
