//! What a change does to the units of a node: two trees of unit files and the list of active units
//! in, what becomes of each unit out.
//!
//! The rules are those of NixOS's `switch-to-configuration` (`system`) and of home-manager's `sd-switch`
//! (`home`), written from what they do and checked against their answers (`fixtures/`). Pure: the trees
//! are read by `nix` and `observe`.

mod active;
mod change;
mod compare;
mod decide;
mod definition;
mod files;
mod fstab;
mod home;
mod home_file;
mod name;
mod pair;
mod profile;
mod starts;
mod system;
mod tree;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod home_fixtures;

pub use active::ActiveUnits;
pub use change::{UnitChange, UnitChangeKind, UnitChanges, UnitEffect};
pub use files::{HomeUnits, OtherFiles, SystemUnits, TargetUnits, UNITS_OF_HOME, UnitFiles};
pub use home::HomePair;
pub use name::UnitName;
pub use pair::UnitsPair;
pub use profile::UnitsOfProfile;
pub use system::{SystemPair, restarts_users};
pub use tree::{TREE_FILE_MAX, UnitEntry, UnitTree};
