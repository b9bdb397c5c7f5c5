//! The units of profiles that are systems: those of the target from here, and which run.

use std::collections::BTreeMap;

use super::changes::Change;
use super::closures::Names;
use crate::model::{NodeName, StorePath};
use crate::nix::system_units;
use crate::plan::{NodeObservation, SystemUnits, UnitsPair};

/// Returns the first of the targets that is a system, of which a node has one.
pub(super) fn target_units<'a>(
    targets: impl IntoIterator<Item = (Names, &'a StorePath)>,
) -> Option<(Names, SystemUnits)> {
    targets
        .into_iter()
        .find_map(|(names, target)| Some((names, system_units(target)?)))
}

/// Compares the units of changes where both systems lie here.
pub(super) fn compare_units_here(changes: &[Change]) -> BTreeMap<Names, UnitsPair> {
    let pair = |change: &Change| {
        let before = system_units(change.current.as_ref()?)?;
        let after = system_units(&change.target)?;
        let pair = UnitsPair {
            before: before.system.tree,
            after: after.system.tree,
            active: None,
            fstab_before: before.fstab,
            fstab_after: after.fstab,
            user_before: before.user.tree,
            user_after: after.user.tree,
            unseen: Vec::new(),
        };
        Some((change.names(), pair))
    };
    changes.iter().filter_map(pair).collect()
}

/// Adds which units run on the nodes, where they have told it.
pub(super) fn add_active(
    units: &mut BTreeMap<Names, UnitsPair>,
    observations: &BTreeMap<NodeName, NodeObservation>,
) {
    for ((node, _), pair) in units {
        if let Some(NodeObservation::Ok(facts)) = observations.get(node) {
            pair.active.clone_from(&facts.active_units);
        }
    }
}
