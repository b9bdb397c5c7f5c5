//! Two trees of unit files, and which units run: what each way of switching looks at.

use std::collections::{BTreeMap, BTreeSet};

use super::active::ActiveUnits;
use super::change::{UnitChange, UnitChangeKind, UnitEffect};
use super::name::UnitName;
use super::tree::{UnitEntry, UnitTree};

/// The unit files of one folder, on the node and of the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitsPair {
    /// The units on the node.
    pub before: UnitTree,
    /// The units of the target.
    pub after: UnitTree,
    /// The units that are active; none where that is not known.
    pub active: Option<ActiveUnits>,
    /// What could not be read on the node.
    pub unseen: Vec<String>,
}

/// What has become of the files of units.
pub(super) type Kinds = BTreeMap<UnitName, UnitChangeKind>;

impl UnitsPair {
    /// Returns the units that run; without a list, all that could.
    pub(super) fn running(&self) -> Vec<UnitName> {
        match &self.active {
            Some(active) => active.running().cloned().collect(),
            None => self.before.units().collect(),
        }
    }

    /// Returns whether systemd lists a unit.
    pub(super) fn lists(&self, unit: &UnitName) -> bool {
        match &self.active {
            Some(active) => active.lists(unit),
            None => self.before.has(unit),
        }
    }

    /// Returns the unit that has the file: the unit itself, or the template that it is made from.
    pub(super) fn base(&self, unit: &UnitName) -> UnitName {
        let has_file = self.before.has(unit) || self.after.has(unit);
        let template = unit.template().filter(|_| !has_file);
        template.unwrap_or_else(|| unit.clone())
    }

    pub(super) fn is_same(&self, unit: &UnitName, base: &UnitName) -> bool {
        self.before.parts(unit, base) == self.after.parts(unit, base)
    }

    /// Returns the units whose files differ, with the instances that run in the place of their template.
    pub(super) fn kinds(&self) -> Kinds {
        let units: BTreeSet<UnitName> = self.before.units().chain(self.after.units()).collect();
        let kinds = units.into_iter().filter_map(|unit| {
            let kind = self.kind(&unit, &unit)?;
            Some((unit, kind))
        });
        let mut kinds: Kinds = kinds.collect();
        self.name_instances(&mut kinds);
        kinds
    }

    fn kind(&self, unit: &UnitName, base: &UnitName) -> Option<UnitChangeKind> {
        match (self.before.offers(base), self.after.offers(base)) {
            (false, false) => None,
            (false, true) => Some(UnitChangeKind::Added),
            (true, false) => Some(UnitChangeKind::Removed),
            (true, true) => (!self.is_same(unit, base)).then_some(UnitChangeKind::Changed),
        }
    }

    fn name_instances(&self, kinds: &mut Kinds) {
        let mut instantiated = BTreeSet::new();
        for unit in self.running() {
            let base = self.base(&unit);
            if base == unit || self.is_same(&unit, &base) {
                continue;
            }
            if let Some(kind) = self.kind(&unit, &base) {
                kinds.insert(unit, kind);
                instantiated.insert(base);
            }
        }
        kinds.retain(|unit, _| !instantiated.contains(unit));
    }

    /// Returns what could not be looked at.
    pub(super) fn unseen(&self) -> impl Iterator<Item = String> {
        let entries = [&self.before, &self.after].map(UnitTree::entries);
        let unseen = entries.into_iter().flatten();
        let unseen = unseen.filter_map(|(place, entry)| match entry {
            UnitEntry::Unseen(reason) => Some(format!("{place}: {reason}")),
            UnitEntry::Text(_) | UnitEntry::Masked | UnitEntry::Pulled => None,
        });
        self.unseen.iter().cloned().chain(unseen)
    }
}

/// Returns the changes by name, each with what happens to it.
pub(super) fn with_effects(
    kinds: Kinds,
    effect: impl Fn(&UnitName) -> UnitEffect,
) -> Vec<UnitChange> {
    let change = |(unit, change)| UnitChange {
        effect: effect(&unit),
        unit,
        change,
    };
    kinds.into_iter().map(change).collect()
}
