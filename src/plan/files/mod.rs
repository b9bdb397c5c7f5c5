//! How the files of profiles differ: two listings and some texts in, lines for people out.
//!
//! What comes out holds text of files, so it is shown beside a plan and is never part of one: it
//! has no serialised form. Pure: the files are read by `nix` and `observe`.

mod change;
mod hashes;
mod lines;
mod secret;
mod tree;

use std::collections::BTreeMap;

pub use change::{FileChange, FileChangeKind, FileChanges, FileDifference, ProfileFiles};
pub use lines::{DiffLine, DiffLineKind};
pub use tree::{FILES_MAX, FileMark, FileText, FileTree, STORE_FOLDER, text_of_bytes};

use crate::model::{NodeName, ProfileName};

/// The folders of a profile whose files are compared: of a system, and of a home.
pub const FILE_ROOTS: [&str; 2] = ["etc", "home-files"];

/// How the files of profiles differ, by the names of node and profile.
pub type FileDifferences = BTreeMap<(NodeName, ProfileName), FileChanges>;
