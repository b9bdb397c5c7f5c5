//! The units of a profile, whatever kind it is of.

use super::active::ActiveUnits;
use super::change::UnitChanges;
use super::home::HomePair;
use super::system::SystemPair;

/// What the changes of a profile's units follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitsOfProfile {
    /// The profile is a NixOS system.
    System(Box<SystemPair>),
    /// It is a home of home-manager.
    Home(Box<HomePair>),
}

impl UnitsOfProfile {
    /// Returns what becomes of the units.
    pub fn changes(&self) -> UnitChanges {
        match self {
            Self::System(pair) => pair.changes(),
            Self::Home(pair) => pair.changes(),
        }
    }

    /// Adds which units run: of the node, and of the profile's user.
    pub fn set_active(&mut self, node: Option<&ActiveUnits>, user: Option<&ActiveUnits>) {
        match self {
            Self::System(pair) => pair.system.active = node.cloned(),
            Self::Home(pair) => pair.units.active = user.cloned(),
        }
    }
}
