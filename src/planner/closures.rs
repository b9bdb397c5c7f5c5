//! The closures of profiles that change: the target's from here, the current one from the node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::PlannerContext;
use super::changes::Change;
use super::make_plan::FleetsRead;
use super::units::{compare_units_here, units_questions};
use crate::config::FleetProfile;
use crate::model::{AbsolutePath, Connection, NodeName, ProfileName, StorePath};
use crate::nix::{NixError, closures};
use crate::observe::{ClosuresQuestion, read_closures};
use crate::plan::{Closure, ClosurePair, NodeObservation, PlannedFleet, UnitsOfProfile};

/// A profile by the names of its node and itself.
pub(super) type Names = (NodeName, ProfileName);

/// Profiles of one node that are read over one connection.
pub(super) type Group = (NodeName, Connection, AbsolutePath);

/// How the profiles of nodes that were read are reached.
pub(super) fn groups(
    fleets: &[PlannedFleet],
    observations: &BTreeMap<NodeName, NodeObservation>,
) -> BTreeMap<Names, Group> {
    let nodes = fleets.iter().flat_map(|planned| &planned.fleet.nodes);
    let groups = nodes.flat_map(|node| {
        let nix_folder = match observations.get(&node.name) {
            Some(NodeObservation::Ok(facts)) => facts.nix_folder.as_ref(),
            _ => None,
        };
        let group = move |profile: &FleetProfile| {
            let names = (node.name.clone(), profile.name.clone());
            let connection = profile.connection.clone();
            Some((names, (node.name.clone(), connection, nix_folder?.clone())))
        };
        node.profiles.iter().filter_map(group)
    });
    groups.collect()
}

/// Returns the changes by how they are read, without those of nodes that could not be.
pub(super) fn by_group<'a>(
    groups: &'a BTreeMap<Names, Group>,
    changes: &[Change],
) -> BTreeMap<&'a Group, Vec<Change>> {
    let mut by_group = BTreeMap::<&Group, Vec<Change>>::new();
    for change in changes {
        if let Some(group) = groups.get(&change.names()) {
            by_group.entry(group).or_default().push(change.clone());
        }
    }
    by_group
}

/// What profiles have now beside what they shall have, as far as both could be read.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) closures: BTreeMap<Names, ClosurePair>,
    pub(super) units: BTreeMap<Names, UnitsOfProfile>,
}

impl FromIterator<Self> for Compared {
    fn from_iter<All: IntoIterator<Item = Self>>(all: All) -> Self {
        all.into_iter().fold(Self::default(), |mut compared, more| {
            compared.extend(more);
            compared
        })
    }
}

impl Compared {
    pub(super) fn extend(&mut self, more: Self) {
        self.closures.extend(more.closures);
        self.units.extend(more.units);
    }
}

/// Compares these changes with what their nodes have; what a node does not tell is left out.
pub(super) async fn compare_on_nodes(
    context: &PlannerContext,
    groups: &BTreeMap<Names, Group>,
    changes: &[Change],
) -> Result<Compared, NixError> {
    let targets = Arc::new(target_closures(changes).await?);
    let mut reading = JoinSet::new();
    for ((_, connection, nix_folder), changes) in by_group(groups, changes) {
        let (context, targets) = (context.clone(), Arc::clone(&targets));
        let (connection, nix_folder) = (connection.clone(), nix_folder.clone());
        reading.spawn(async move {
            let current = changes.iter().filter_map(|change| change.current.as_ref());
            let closures = changes
                .iter()
                .filter_map(|change| targets.get(&change.target));
            let candidates = closures.flat_map(Closure::paths);
            let ways = changes
                .iter()
                .map(|change| (change.names(), change.current.as_ref(), &change.target));
            let (asked, units) = units_questions(ways);
            let question = ClosuresQuestion {
                nix_folder: &nix_folder,
                current: current.collect(),
                candidates: candidates.map(|path| &path.path).collect(),
                units: &units,
            };
            let read = read_closures(&context.pool, &connection, &context.mark, &question).await;
            let read = read.unwrap_or_default();
            let closures = pairs(&changes, &targets, &read.current, |_, _| {
                read.missing.clone()
            });
            Compared {
                closures: closures.into_iter().collect(),
                units: told_units(asked, read.units),
            }
        });
    }
    Ok(reading.join_all().await.into_iter().collect())
}

/// Returns the units that a node told of the profiles that it was asked about.
pub(super) fn told_units(
    asked: Vec<Names>,
    told: Vec<Option<UnitsOfProfile>>,
) -> BTreeMap<Names, UnitsOfProfile> {
    let pairs = asked.into_iter().zip(told);
    pairs
        .filter_map(|(names, units)| Some((names, units?)))
        .collect()
}

/// Compares these changes with current closures that are known here. A node is taken to have
/// nothing but what its profile needs.
pub(super) async fn compare_with(
    current: &BTreeMap<StorePath, Closure>,
    changes: &[Change],
) -> Result<Compared, NixError> {
    let targets = target_closures(changes).await?;
    let missing = |before: Option<&Closure>, after: &Closure| {
        Some(after.paths_beyond(before.unwrap_or(&Closure::default())))
    };
    let closures = pairs(changes, &targets, current, missing);
    Ok(Compared {
        closures: closures.into_iter().collect(),
        units: compare_units_here(changes),
    })
}

/// Returns the closures of what the profiles are now, as far as their nodes tell them.
pub async fn current_closures(
    context: &PlannerContext,
    read: &FleetsRead,
) -> BTreeMap<StorePath, Closure> {
    let mut paths = BTreeMap::<Group, BTreeSet<StorePath>>::new();
    for ((node, profile), group) in groups(&read.fleets, &read.observations) {
        if let Some(NodeObservation::Ok(facts)) = read.observations.get(&node)
            && let Some(path) = facts.profiles.get(&profile).and_then(|it| it.state.path())
        {
            paths.entry(group).or_default().insert(path.clone());
        }
    }
    let mut reading = JoinSet::new();
    for ((_, connection, nix_folder), paths) in paths {
        let context = context.clone();
        reading.spawn(async move {
            let question = ClosuresQuestion {
                nix_folder: &nix_folder,
                current: paths.iter().collect(),
                candidates: BTreeSet::new(),
                units: &[],
            };
            let read = read_closures(&context.pool, &connection, &context.mark, &question).await;
            read.unwrap_or_default().current
        });
    }
    reading.join_all().await.into_iter().flatten().collect()
}

async fn target_closures(changes: &[Change]) -> Result<BTreeMap<StorePath, Closure>, NixError> {
    let targets = changes.iter().map(|change| change.target.clone()).collect();
    closures(&targets).await
}

fn pairs(
    changes: &[Change],
    targets: &BTreeMap<StorePath, Closure>,
    current: &BTreeMap<StorePath, Closure>,
    missing: impl Fn(Option<&Closure>, &Closure) -> Option<BTreeSet<StorePath>>,
) -> Vec<(Names, ClosurePair)> {
    let pair = |change: &Change| {
        let before = match &change.current {
            None => None,
            Some(path) => Some(current.get(path)?),
        };
        let after = targets.get(&change.target)?;
        let pair = ClosurePair {
            missing: missing(before, after)?,
            before: before.cloned(),
            after: after.clone(),
        };
        Some((change.names(), pair))
    };
    changes.iter().filter_map(pair).collect()
}
