//! What becomes of each unit, as the plan says it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::active::ActiveUnits;
use super::decide::{Decisions, decide};
use super::name::UnitName;
use super::starts::pulled_in;
use super::tree::{UnitEntry, UnitTree};

/// What a change does to the units of its node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitChanges {
    /// Whether it is known which units run. Where it is not, what happens to a unit happens only
    /// if that runs.
    pub active_known: bool,
    /// The units of the system that differ, or that something happens to, by name.
    pub system: Vec<UnitChange>,
    /// The units of users that differ, by name.
    pub user: Vec<UnitChange>,
    /// What could not be looked at.
    pub unseen: Vec<String>,
}

/// What becomes of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitChange {
    /// Its name.
    pub unit: UnitName,
    /// What its files have become.
    pub change: UnitChangeKind,
    /// What happens to it on the node.
    pub effect: UnitEffect,
}

/// What has become of a unit's files.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UnitChangeKind {
    /// It is new, or not masked any more.
    Added,
    /// It is gone, or masked.
    Removed,
    /// They differ, or those that override it.
    Changed,
    /// They are the same: it is touched because of another unit.
    Unchanged,
}

/// What happens to a unit on the node.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UnitEffect {
    /// It runs on with the old definition, because it says that it must not be restarted.
    Kept,
    /// Nothing.
    None,
    /// It is started.
    Start,
    /// It is told to read its configuration again.
    Reload,
    /// It is restarted.
    Restart,
    /// It is stopped before the activation, and started after it.
    StopStart,
    /// It is stopped.
    Stop,
    /// Its files could not be read.
    Unknown,
}

/// All that the changes of units follow from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitsPair {
    /// The system's units on the node.
    pub before: UnitTree,
    /// The system's units of the target.
    pub after: UnitTree,
    /// The units that are active; none where that is not known.
    pub active: Option<ActiveUnits>,
    /// The node's fstab.
    pub fstab_before: String,
    /// The target's fstab.
    pub fstab_after: String,
    /// The users' units on the node.
    pub user_before: UnitTree,
    /// The users' units of the target.
    pub user_after: UnitTree,
    /// What could not be read on the node.
    pub unseen: Vec<String>,
}

impl UnitsPair {
    /// Returns what becomes of the units.
    pub fn changes(&self) -> UnitChanges {
        let decisions = decide(self);
        let mut kinds = kinds(&self.before, &self.after);
        self.name_instances(&mut kinds);
        let mut starting = self.starting(&decisions, &kinds);
        for (unit, kind) in &decisions.mounts {
            if *kind == UnitChangeKind::Added && !self.lists(unit) {
                starting.insert(unit.clone());
            }
            kinds.insert(unit.clone(), *kind);
        }
        for unit in decisions.touched().chain(&starting) {
            kinds
                .entry(unit.clone())
                .or_insert(UnitChangeKind::Unchanged);
        }
        let system = kinds.into_iter().map(|(unit, change)| {
            let effect = decisions.effect(&unit, starting.contains(&unit));
            UnitChange {
                unit,
                change,
                effect,
            }
        });
        let user = kinds_of_users(&self.user_before, &self.user_after);
        UnitChanges {
            active_known: self.active.is_some(),
            system: system.collect(),
            user,
            unseen: self.all_unseen(),
        }
    }

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

    /// Returns the units that start because an active target pulls them in: new ones, changed ones
    /// that do not run, and those that none pulled in before. What else does not run, such as a
    /// oneshot that has ended, is started too, but that is so at every activation.
    fn starting(
        &self,
        decisions: &Decisions,
        kinds: &BTreeMap<UnitName, UnitChangeKind>,
    ) -> BTreeSet<UnitName> {
        let running: BTreeSet<UnitName> = self.running().into_iter().collect();
        let pulled_before = pulled_in(&self.before, &decisions.targets);
        let mut starting = pulled_in(&self.after, &decisions.targets);
        starting.retain(|unit| {
            let base = self.base(unit);
            let is_there = self.after.has(&base) && !self.after.is_masked(&base);
            let is_news = kinds.contains_key(unit) || !pulled_before.contains(unit);
            is_there && is_news && !running.contains(unit)
        });
        starting
    }

    /// Puts the instances that run in the place of their template.
    fn name_instances(&self, kinds: &mut BTreeMap<UnitName, UnitChangeKind>) {
        let mut instantiated = BTreeSet::new();
        for unit in self.running() {
            let base = self.base(&unit);
            if base == unit || self.is_same(&unit, &base) {
                continue;
            }
            if let Some(kind) = kind(&self.before, &self.after, &unit, &base) {
                kinds.insert(unit, kind);
                instantiated.insert(base);
            }
        }
        kinds.retain(|unit, _| !instantiated.contains(unit));
    }

    fn all_unseen(&self) -> Vec<String> {
        let trees = [
            &self.before,
            &self.after,
            &self.user_before,
            &self.user_after,
        ];
        let entries = trees.into_iter().flat_map(UnitTree::entries);
        let unseen = entries.filter_map(|(place, entry)| match entry {
            UnitEntry::Unseen(reason) => Some(format!("{place}: {reason}")),
            UnitEntry::Text(_) | UnitEntry::Masked | UnitEntry::Pulled => None,
        });
        let unseen: BTreeSet<String> = self.unseen.iter().cloned().chain(unseen).collect();
        unseen.into_iter().collect()
    }
}

impl Decisions {
    fn touched(&self) -> impl Iterator<Item = &UnitName> {
        let lists = [
            &self.stop,
            &self.reload,
            &self.restart,
            &self.start,
            &self.keep,
            &self.unknown,
        ];
        lists.into_iter().flatten()
    }

    fn effect(&self, unit: &UnitName, starts: bool) -> UnitEffect {
        let is_started =
            self.start.contains(unit) || self.targets.contains(unit) || self.restart.contains(unit);
        match unit {
            unit if self.unknown.contains(unit) => UnitEffect::Unknown,
            unit if self.stop.contains(unit) && is_started => UnitEffect::StopStart,
            unit if self.stop.contains(unit) => UnitEffect::Stop,
            unit if self.restart.contains(unit) => UnitEffect::Restart,
            unit if self.reload.contains(unit) => UnitEffect::Reload,
            unit if self.start.contains(unit) || starts => UnitEffect::Start,
            unit if self.keep.contains(unit) => UnitEffect::Kept,
            _ => UnitEffect::None,
        }
    }
}

fn kinds(before: &UnitTree, after: &UnitTree) -> BTreeMap<UnitName, UnitChangeKind> {
    let units: BTreeSet<UnitName> = before.units().chain(after.units()).collect();
    let kinds = units.into_iter().filter_map(|unit| {
        let kind = kind(before, after, &unit, &unit)?;
        Some((unit, kind))
    });
    kinds.collect()
}

fn kind(
    before: &UnitTree,
    after: &UnitTree,
    unit: &UnitName,
    base: &UnitName,
) -> Option<UnitChangeKind> {
    let is_there = |tree: &UnitTree| tree.has(base) && !tree.is_masked(base);
    match (is_there(before), is_there(after)) {
        (false, false) => None,
        (false, true) => Some(UnitChangeKind::Added),
        (true, false) => Some(UnitChangeKind::Removed),
        (true, true) => {
            (before.parts(unit, base) != after.parts(unit, base)).then_some(UnitChangeKind::Changed)
        }
    }
}

/// Users' units are theirs to restart.
fn kinds_of_users(before: &UnitTree, after: &UnitTree) -> Vec<UnitChange> {
    let change = |(unit, change)| UnitChange {
        unit,
        change,
        effect: UnitEffect::None,
    };
    kinds(before, after).into_iter().map(change).collect()
}
