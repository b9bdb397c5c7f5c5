//! The profiles that change, and building what they shall be.

use std::collections::{BTreeMap, BTreeSet};

use super::PlannerContext;
use super::build::build_targets;
use super::closures::{Group, Names};
use super::on_node::Way;
use crate::config::TargetPath;
use crate::model::{NodeName, ProfileName, StorePath};
use crate::nix::{Nix, NixError};
use crate::plan::{NodeObservation, PlannedFleet};

/// Store paths, and the derivations that build them where they are known.
pub(super) type Derivations = BTreeMap<StorePath, Option<StorePath>>;

/// A profile that changes.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) node: NodeName,
    pub(super) profile: ProfileName,
    pub(super) current: Option<StorePath>,
    pub(super) target: StorePath,
    /// Whether its node builds the target itself.
    pub(super) built_there: bool,
}

impl Change {
    pub(super) fn names(&self) -> (NodeName, ProfileName) {
        (self.node.clone(), self.profile.clone())
    }

    /// Returns the way to a target that may lie on the node already.
    pub(super) fn way(&self, groups: &BTreeMap<Names, Group>) -> Option<Way> {
        let names = self.names();
        Some(Way {
            group: groups.get(&names)?.clone(),
            names,
            current: self.current.clone(),
            target: self.target.clone(),
        })
    }
}

/// A target that could not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedBuild {
    /// The derivations that failed: the target's own, or some that it needs.
    pub derivations: Vec<String>,
    /// The profiles that wait for it.
    pub waiting: Vec<(NodeName, ProfileName)>,
    /// What Nix said, with the last lines of the logs.
    pub lines: Vec<String>,
}

/// Returns the profiles of nodes that are known whose target is not what they have.
pub(super) fn changes(
    fleets: &[PlannedFleet],
    observations: &BTreeMap<NodeName, NodeObservation>,
) -> Vec<Change> {
    let there = built_there(fleets);
    let change = |(names, target): (&(NodeName, ProfileName), &TargetPath)| {
        let (node, profile) = names;
        let is_derived = target.drv_path.is_some();
        let target = &target.path;
        let Some(NodeObservation::Ok(facts)) = observations.get(node) else {
            return None;
        };
        let current = facts.profiles.get(profile)?.state.path();
        (current != Some(target)).then(|| Change {
            node: node.clone(),
            profile: profile.clone(),
            current: current.cloned(),
            target: target.clone(),
            built_there: is_derived && there.contains(&(node, profile)),
        })
    };
    let targets = fleets.iter().flat_map(|planned| &planned.targets);
    targets.filter_map(change).collect()
}

fn built_there(fleets: &[PlannedFleet]) -> BTreeSet<(&NodeName, &ProfileName)> {
    let nodes = fleets.iter().flat_map(|planned| &planned.fleet.nodes);
    let profiles = nodes.flat_map(|node| {
        node.profiles
            .iter()
            .map(move |profile| (&node.name, profile))
    });
    profiles
        .filter(|(_, profile)| profile.settings.remote_build)
        .map(|(node, profile)| (node, &profile.name))
        .collect()
}

/// Builds all targets in one call, and with them `base`: what the profiles are compared with.
/// Takes those that failed out of the changes.
pub(super) async fn build_changes(
    context: &PlannerContext,
    nix: &Nix,
    fleets: &[PlannedFleet],
    base: &Derivations,
    changes: &mut Vec<Change>,
) -> Result<Vec<FailedBuild>, NixError> {
    let all = fleets.iter().flat_map(|planned| planned.targets.values());
    let derivations: BTreeMap<&StorePath, Option<&StorePath>> = all
        .map(|target| (&target.path, target.drv_path.as_ref()))
        .collect();
    let derivation = |path: &StorePath| derivations.get(path).copied().flatten().cloned();
    let targets = changes.iter().map(|change| &change.target);
    let mut wanted: Derivations = targets
        .map(|path| (path.clone(), derivation(path)))
        .collect();
    let compared = changes.iter().filter_map(|change| change.current.as_ref());
    wanted.extend(compared.filter_map(|path| Some((path.clone(), base.get(path)?.clone()))));
    let failures = build_targets(context, nix, &wanted).await?;
    let mut failed = Vec::new();
    for (path, failure) in failures {
        let waits =
            |change: &&Change| change.target == path || change.current.as_ref() == Some(&path);
        failed.push(FailedBuild {
            derivations: failure.derivations,
            waiting: changes.iter().filter(waits).map(Change::names).collect(),
            lines: failure.lines,
        });
    }
    let waiting: BTreeSet<&(NodeName, ProfileName)> =
        failed.iter().flat_map(|build| &build.waiting).collect();
    changes.retain(|change| !waiting.contains(&change.names()));
    Ok(failed)
}
