//! Plan and apply changes to fleets of NixOS and Nix machines described by a flake.
//!
//! The layers, each of which uses only those before it (held by a test, `layering`):
//!
//! - [`model`], [`protocol`]: the vocabulary, and what travels between operator and agent;
//! - `config`, `plan`, `schedule`: the pure core;
//! - `process`, `nix`, `ssh`, `host`: the world;
//! - `observe`, `apply`: the engine;
//! - `report`: events and plans for people and machines;
//! - `cli`: the shell around all of it.
//!
//! [`agent`] is the program on the node; it uses only `model`, `protocol` and `process`.

#[cfg(feature = "agent")]
pub mod agent;
pub mod model;
pub mod process;
pub mod protocol;
