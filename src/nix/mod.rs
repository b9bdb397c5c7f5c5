//! Nix on the operator's machine: evaluate, check, build, read closures, copy, keep from collection.
//!
//! Command lines are values that are tested without a process. Which version needs which form is
//! said in `version`. Prints nothing.

mod bad_nodes;
mod build;
mod check;
mod closure;
mod command;
mod copy;
mod error;
mod eval;
mod evaluator;
mod file;
mod files;
mod metadata;
mod registration;
mod roots;
mod share;
mod signatures;
mod system;
mod units;
mod version;

pub use bad_nodes::BadNodes;
pub use build::{BuildFailure, build};
pub use check::check;
pub use closure::{add_file, closures, invalid_paths};
pub use command::Nix;
pub use copy::{CopyProtocol, CopyRequest};
pub use error::NixError;
pub use eval::evaluate;
pub use files::{file_text, file_tree};
pub use metadata::read_metadata;
pub use roots::{add_derivation_roots, add_roots, keep};
pub use share::Evaluated;
pub use signatures::Signatures;
pub use system::system_parts;
pub use units::target_units;
pub use version::NixVersion;
