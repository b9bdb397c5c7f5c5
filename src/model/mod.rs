//! The vocabulary of the project: validated names, paths, generations and settings.
//!
//! Everything here is plain data that can be compared, ordered and sent over the wire. No module
//! of this folder does any input or output, and none knows Nix, SSH or a terminal.

mod connection;
mod generation;
#[cfg(test)]
pub(crate) mod mutated;
mod name;
mod observed_generation;
mod path;
mod profile_state;
mod run;
mod settings;
mod store_path;
pub mod sudo;

pub use connection::Connection;
pub use generation::Generation;
pub use name::{HostName, InvalidText, NodeName, ProfileName, UserName, quoted};
pub use observed_generation::{GenerationContent, ObservedGeneration};
pub use path::AbsolutePath;
pub use profile_state::ProfileState;
pub use run::{Operator, RunId};
pub use settings::{CONFIRM_TIMEOUT_SECONDS, FlagSettings, OnDegraded, ProfileSettings, Settings};
pub use store_path::StorePath;

pub(crate) use name::text_newtype;
