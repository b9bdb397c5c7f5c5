//! What activating a NixOS system does to units: those of the system, and those it gives its users.

use std::collections::BTreeSet;

use super::change::{UnitChange, UnitChangeKind, UnitChanges, UnitEffect};
use super::decide::{Decisions, decide};
use super::name::UnitName;
use super::pair::{Kinds, UnitsPair, with_effects};
use super::starts::pulled_in;

/// All that the changes of a system's units follow from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemPair {
    /// The units of the system.
    pub system: UnitsPair,
    /// The units of users. Only they could tell which of them run.
    pub user: UnitsPair,
    /// Whether activating the target restarts units of users who are logged in.
    pub restarts_users: bool,
    /// The node's fstab.
    pub fstab_before: String,
    /// The target's fstab.
    pub fstab_after: String,
}

impl SystemPair {
    /// Returns what becomes of the units.
    pub fn changes(&self) -> UnitChanges {
        let user = if self.restarts_users {
            changes(&self.user, &decide(&self.user))
        } else {
            with_effects(self.user.kinds(), |_| UnitEffect::NextLogin)
        };
        let unseen: BTreeSet<String> = self.system.unseen().chain(self.user.unseen()).collect();
        UnitChanges {
            active_known: self.system.active.is_some(),
            system: changes(&self.system, &self.decisions()),
            user_active_known: false,
            user,
            unseen: unseen.into_iter().collect(),
        }
    }

    pub(super) fn decisions(&self) -> Decisions {
        let mut decisions = decide(&self.system);
        decisions.compare_mounts(&self.fstab_before, &self.fstab_after);
        decisions
    }
}

/// Returns whether a system of this `os-release` restarts changed units of users who are logged in. One
/// that does not say its version is not taken to spare them.
pub fn restarts_users(os_release: &str) -> bool {
    let mut lines = os_release.lines();
    let version = lines.find_map(|line| line.strip_prefix("VERSION_ID="));
    let version = version.map(|version| version.trim_matches(['"', '\'']));
    let parts = version.and_then(|version| version.split_once('.'));
    let (Some(year), Some(month)) = parts
        .map(|(year, month)| (year.parse::<u32>().ok(), month.parse::<u32>().ok()))
        .unwrap_or_default()
    else {
        return true;
    };
    (year, month) >= RESTARTS_USERS_SINCE
}

/// The version of NixOS, as year and month.
const RESTARTS_USERS_SINCE: (u32, u32) = (26, 5);

fn changes(pair: &UnitsPair, decisions: &Decisions) -> Vec<UnitChange> {
    let mut kinds = pair.kinds();
    let mut starting = starting(pair, decisions, &kinds);
    for (unit, kind) in &decisions.mounts {
        if *kind == UnitChangeKind::Added && !pair.lists(unit) {
            starting.insert(unit.clone());
        }
        kinds.insert(unit.clone(), *kind);
    }
    for unit in decisions.touched().chain(&starting) {
        kinds
            .entry(unit.clone())
            .or_insert(UnitChangeKind::Unchanged);
    }
    with_effects(kinds, |unit| {
        decisions.effect(unit, starting.contains(unit))
    })
}

/// Returns the units that start because an active target pulls them in: new ones, changed ones
/// that do not run, and those that none pulled in before. What else does not run, such as a
/// oneshot that has ended, is started too, but that is so at every activation.
fn starting(pair: &UnitsPair, decisions: &Decisions, kinds: &Kinds) -> BTreeSet<UnitName> {
    let running: BTreeSet<UnitName> = pair.running().into_iter().collect();
    let pulled_before = pulled_in(&pair.before, &decisions.targets);
    let mut starting = pulled_in(&pair.after, &decisions.targets);
    starting.retain(|unit| {
        let is_news = kinds.contains_key(unit) || !pulled_before.contains(unit);
        pair.after.offers(&pair.base(unit)) && is_news && !running.contains(unit)
    });
    starting
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

#[cfg(test)]
mod tests {
    use super::super::{UnitEntry, UnitTree};
    use super::*;

    #[test]
    fn versions_that_restart_units_of_users() {
        for (text, expected) in [
            ("ID=nixos\nVERSION_ID=\"25.11\"\n", false),
            ("VERSION_ID=24.05", false),
            ("VERSION_ID=\"26.05\"", true),
            ("VERSION_ID='27.11'", true),
            ("VERSION_ID=rolling", true),
            ("", true),
        ] {
            assert_eq!(restarts_users(text), expected, "{text}");
        }
    }

    #[test]
    fn units_of_users_wait_for_a_login_or_for_who_is_logged_in() {
        let tree = |texts: &[(&str, &str)]| -> UnitTree {
            let entry = |(place, text): &(&str, &str)| {
                ((*place).to_owned(), UnitEntry::Text((*text).to_owned()))
            };
            texts.iter().map(entry).collect()
        };
        let before = [
            ("default.target", ""),
            ("a.service", "[Service]\nA=1"),
            ("gone.socket", ""),
        ];
        let after = [
            ("default.target", ""),
            ("default.target.wants/new.service", ""),
            ("a.service", "[Service]\nA=2"),
            ("new.service", ""),
        ];
        let user = UnitsPair {
            before: tree(&before),
            after: tree(&after),
            ..UnitsPair::default()
        };
        let mut pair = SystemPair {
            user,
            ..SystemPair::default()
        };
        let effects = |pair: &SystemPair| {
            let changes = pair.changes();
            assert!(!changes.user_active_known);
            let effects = changes.user.into_iter();
            let effects = effects.map(|change| (change.unit.to_string(), change.effect));
            effects.collect::<Vec<_>>()
        };
        let names = ["a.service", "gone.socket", "new.service"].map(str::to_owned);
        let expected = names.clone().map(|name| (name, UnitEffect::NextLogin));
        assert_eq!(effects(&pair), expected);
        pair.restarts_users = true;
        let fates = [UnitEffect::StopStart, UnitEffect::Stop, UnitEffect::Start];
        let expected: Vec<_> = names.into_iter().zip(fates).collect();
        assert_eq!(effects(&pair), expected);
    }
}
