//! What activating a home of home-manager does to its user's units: what `sd-switch` decides, which
//! the activation calls unless the home says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{UnitChangeKind, UnitChanges, UnitEffect};
use super::definition::Malformed;
use super::home_file::{HomeFile, SwitchMethod};
use super::name::UnitName;
use super::pair::{Kinds, UnitsPair, with_effects};
use super::tree::{UnitEntry, UnitTree};

/// All that the changes of a home's units follow from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HomePair {
    /// The units of its user.
    pub units: UnitsPair,
    /// Whether its activation calls `sd-switch`. If not, systemd is not even told of new files.
    pub switches: bool,
}

/// Keys of `[Unit]` that are only text.
const IGNORED: [&str; 2] = ["Description", "Documentation"];
const IGNORED_BY_RELOAD: [&str; 3] = ["Description", "Documentation", "X-Reload-Triggers"];

impl HomePair {
    /// Returns what becomes of the units.
    pub fn changes(&self) -> UnitChanges {
        let mut kinds = self.units.kinds();
        let mut effects = BTreeMap::new();
        if self.switches {
            effects = self.of_running();
            effects.extend(self.starting(&kinds));
        }
        for unit in effects.keys() {
            kinds
                .entry(unit.clone())
                .or_insert(UnitChangeKind::Unchanged);
        }
        let otherwise = if self.switches {
            UnitEffect::None
        } else {
            UnitEffect::NextLogin
        };
        let unseen: BTreeSet<String> = self.units.unseen().collect();
        UnitChanges {
            active_known: true,
            system: Vec::new(),
            user_active_known: self.units.active.is_some(),
            user: with_effects(kinds, |unit| {
                effects.get(unit).copied().unwrap_or(otherwise)
            }),
            unseen: unseen.into_iter().collect(),
        }
    }

    fn of_running(&self) -> BTreeMap<UnitName, UnitEffect> {
        let effects = self.units.running().into_iter().map(|unit| {
            let effect = self.effect(&unit).unwrap_or(UnitEffect::Unknown);
            (unit, effect)
        });
        effects
            .filter(|(_, effect)| *effect != UnitEffect::None)
            .collect()
    }

    fn effect(&self, unit: &UnitName) -> Result<UnitEffect, Malformed> {
        let before = read(&self.units.before, unit)?;
        let after = read(&self.units.after, unit)?;
        let refuses = |file: &HomeFile, key| file.flag(key) == Some(true);
        Ok(match (&before, &after) {
            (None, None) => UnitEffect::None,
            (Some(before), None) if refuses(before, "RefuseManualStop") => UnitEffect::Kept,
            (Some(_), None) => UnitEffect::Stop,
            // It runs from files of somebody else.
            (None, Some(after)) if refuses(after, "RefuseManualStart") => UnitEffect::Kept,
            (None, Some(_)) => UnitEffect::StopStart,
            (Some(before), Some(after)) => switched(unit, before, after),
        })
    }

    /// Returns the units that start because an active target wants them, as far as that is news: what has
    /// ended is started at every activation.
    fn starting(&self, kinds: &Kinds) -> BTreeMap<UnitName, UnitEffect> {
        let running: BTreeSet<UnitName> = self.units.running().into_iter().collect();
        let is_active = |target: &UnitName| self.units.active.is_none() || running.contains(target);
        let wanted_before = wanted(&self.units.before);
        let wanted = wanted(&self.units.after).into_iter();
        let wanted = wanted.filter(|(target, unit)| {
            let is_news = kinds.contains_key(unit)
                || !wanted_before.contains(&(target.clone(), unit.clone()));
            is_active(target) && is_news && !running.contains(unit)
        });
        let effects = wanted.filter_map(|(_, unit)| {
            let effect = match read(&self.units.after, &unit) {
                Err(Malformed) => UnitEffect::Unknown,
                Ok(Some(file)) if file.flag("RefuseManualStart") == Some(true) => return None,
                Ok(_) => UnitEffect::Start,
            };
            Some((unit, effect))
        });
        effects.collect()
    }
}

/// Returns what `unit` becomes, which runs and has a file on both sides.
fn switched(unit: &UnitName, before: &HomeFile, after: &HomeFile) -> UnitEffect {
    if before.is_same_but(after, &IGNORED) {
        return UnitEffect::None;
    }
    if before.is_same_but(after, &IGNORED_BY_RELOAD) {
        return UnitEffect::Reload;
    }
    let is_target = unit.kind() == "target";
    let must_not_start = after.flag("RefuseManualStart") == Some(true);
    let must_not_stop = before.flag("RefuseManualStop") == Some(true);
    match after.method() {
        _ if is_target && must_not_start => UnitEffect::Kept,
        _ if is_target => UnitEffect::Start,
        _ if must_not_start && must_not_stop => UnitEffect::Kept,
        _ if must_not_start => UnitEffect::Stop,
        SwitchMethod::Reload => UnitEffect::Reload,
        SwitchMethod::Restart => UnitEffect::Restart,
        SwitchMethod::KeepOld => UnitEffect::Kept,
        SwitchMethod::StopStart if must_not_stop => UnitEffect::Kept,
        SwitchMethod::StopStart => UnitEffect::StopStart,
    }
}

/// Returns what a tree says of a unit: its own file, or that of the template that it is made from.
fn read(tree: &UnitTree, unit: &UnitName) -> Result<Option<HomeFile>, Malformed> {
    let own = Some(unit.clone()).filter(|unit| tree.offers(unit));
    let template = || unit.template().filter(|template| tree.offers(template));
    let Some(base) = own.or_else(template) else {
        return Ok(None);
    };
    let mut file = HomeFile::default();
    for (_, entry) in tree.parts(&base, &base) {
        match entry {
            UnitEntry::Text(text) => file.add(text)?,
            UnitEntry::Masked | UnitEntry::Pulled => {}
            UnitEntry::Unseen(_) => return Err(Malformed),
        }
    }
    Ok(Some(file))
}

/// Returns the targets of a tree, each with a unit that it wants by a link.
fn wanted(tree: &UnitTree) -> BTreeSet<(UnitName, UnitName)> {
    let links = tree.entries().keys().filter_map(|place| {
        let (folder, unit) = place.split_once('/')?;
        let target: UnitName = folder.strip_suffix(".wants")?.parse().ok()?;
        (target.kind() == "target").then_some(())?;
        Some((target, unit.parse().ok()?))
    });
    links.collect()
}
