//! The units of profiles that are systems or homes: those of the target from here, and which run.

use std::collections::BTreeMap;

use super::changes::Change;
use super::closures::Names;
use crate::model::{NodeName, StorePath};
use crate::nix::target_units;
use crate::observe::UnitsQuestion;
use crate::plan::{
    HomePair, HomeUnits, NodeObservation, SystemPair, SystemUnits, TargetUnits, UnitFiles,
    UnitsOfProfile, UnitsPair,
};

/// A profile, what it is now, and what it shall be.
pub(super) type Way<'a> = (Names, Option<&'a StorePath>, &'a StorePath);

/// Returns what a node is asked about units, and of which profiles: of all homes, but of the first system
/// only, since a node has one.
pub(super) fn units_questions<'a>(
    ways: impl IntoIterator<Item = Way<'a>>,
) -> (Vec<Names>, Vec<UnitsQuestion>) {
    let mut has_system = false;
    let questions = ways.into_iter().filter_map(|(names, current, target)| {
        let target = target_units(target)?;
        let is_system = matches!(target, TargetUnits::System(_));
        if is_system && std::mem::replace(&mut has_system, true) {
            return None;
        }
        let current = current.cloned();
        Some((names, UnitsQuestion { current, target }))
    });
    questions.unzip()
}

/// Compares the units of changes where both sides lie here.
pub(super) fn compare_units_here(changes: &[Change]) -> BTreeMap<Names, UnitsOfProfile> {
    let pair = |change: &Change| {
        let before = change.current.as_ref().and_then(target_units);
        let pair = match (before, target_units(&change.target)?) {
            (Some(TargetUnits::System(before)), TargetUnits::System(after)) => {
                UnitsOfProfile::System(Box::new(system_pair(*before, *after)))
            }
            (Some(TargetUnits::Home(before)), TargetUnits::Home(after)) => {
                UnitsOfProfile::Home(Box::new(home_pair(before, after)))
            }
            (None, TargetUnits::Home(after)) if change.current.is_none() => {
                UnitsOfProfile::Home(Box::new(home_pair(HomeUnits::default(), after)))
            }
            _ => return None,
        };
        Some((change.names(), pair))
    };
    changes.iter().filter_map(pair).collect()
}

fn system_pair(before: SystemUnits, after: SystemUnits) -> SystemPair {
    SystemPair {
        system: units_pair(before.system, after.system),
        user: units_pair(before.user, after.user),
        restarts_users: after.restarts_users,
        fstab_before: before.fstab,
        fstab_after: after.fstab,
    }
}

fn home_pair(before: HomeUnits, after: HomeUnits) -> HomePair {
    HomePair {
        units: units_pair(before.units, after.units),
        switches: after.switches,
    }
}

fn units_pair(before: UnitFiles, after: UnitFiles) -> UnitsPair {
    UnitsPair {
        before: before.tree,
        after: after.tree,
        ..UnitsPair::default()
    }
}

/// Adds which units run on the nodes, where they have told it.
pub(super) fn add_active(
    units: &mut BTreeMap<Names, UnitsOfProfile>,
    observations: &BTreeMap<NodeName, NodeObservation>,
) {
    for ((node, profile), units) in units {
        if let Some(NodeObservation::Ok(facts)) = observations.get(node) {
            let profile = facts.profiles.get(profile);
            let of_user = profile.and_then(|profile| profile.active_units.as_ref());
            units.set_active(facts.active_units.as_ref(), of_user);
        }
    }
}
