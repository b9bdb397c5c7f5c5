//! What a change does to the units of a node: two trees of unit files and the list of active units
//! in, what becomes of each unit out.
//!
//! The rules are those of NixOS's `switch-to-configuration`, written from what it does and checked
//! against its answers (`fixtures/`). Pure: the trees are read by `nix` and `observe`.

mod active;
mod change;
mod compare;
mod decide;
mod definition;
mod files;
mod fstab;
mod name;
mod starts;
mod tree;

#[cfg(test)]
mod fixtures;

pub use active::ActiveUnits;
pub use change::{UnitChange, UnitChangeKind, UnitChanges, UnitEffect, UnitsPair};
pub use files::{OtherFiles, SystemUnits, UNIT_FOLDERS, UnitFiles, UnitFolder};
pub use name::UnitName;
pub use tree::{TREE_FILE_MAX, UnitEntry, UnitTree};
