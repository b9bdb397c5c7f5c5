//! The units that a node's systemd lists.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::UnitName;

/// The units that are not inactive, as `systemctl list-units` has them, and whether they run or start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActiveUnits(BTreeMap<UnitName, bool>);

impl ActiveUnits {
    /// Reads lines of a unit's name and its state; whatever is not that is left out.
    pub fn parse(lines: &str) -> Self {
        let units = lines.lines().filter_map(|line| {
            let (name, state) = line.trim().split_once(' ')?;
            let is_running = matches!(state, "active" | "activating");
            Some((name.parse().ok()?, is_running))
        });
        Self(units.collect())
    }

    /// Returns the units that run or start.
    pub(super) fn running(&self) -> impl Iterator<Item = &UnitName> {
        self.0
            .iter()
            .filter(|(_, is_running)| **is_running)
            .map(|(name, _)| name)
    }

    /// Returns whether it is listed: a unit that has failed is, one that was stopped is not.
    pub(super) fn lists(&self, unit: &UnitName) -> bool {
        self.0.contains_key(unit)
    }
}

impl FromIterator<UnitName> for ActiveUnits {
    fn from_iter<Units: IntoIterator<Item = UnitName>>(units: Units) -> Self {
        Self(units.into_iter().map(|unit| (unit, true)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_systemctl() {
        let units = ActiveUnits::parse("a.service active\nb.service failed\nc d\n\n../x active\n");
        let running: Vec<&str> = units.running().map(UnitName::as_str).collect();
        assert_eq!(running, ["a.service"]);
        assert!(units.lists(&"b.service".parse().unwrap()));
        assert!(!units.lists(&"c.service".parse().unwrap()));
    }
}
