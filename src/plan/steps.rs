//! The steps that bring planned profiles to their targets.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Action, Observed, PlannedNode, PlannedProfile, PlannedStep, StepKind};
use super::step_id::StepId;
use crate::model::{NodeName, StorePath};

/// Returns the steps for these nodes and profiles, each after all that it waits for.
///
/// A node that was not read gets none. The nodes' `depends_on` form no circle. Between copying and activating stands one barrier,
/// never an edge from each copy to each activation.
pub(super) fn steps(nodes: &[PlannedNode], profiles: &[PlannedProfile]) -> Vec<PlannedStep> {
    let mut acting = BTreeMap::<&NodeName, Vec<&PlannedProfile>>::new();
    let readable = readable(nodes);
    let acts = |profile: &&PlannedProfile| {
        profile.action != Action::Unchanged && readable.contains(&profile.node)
    };
    for profile in profiles.iter().filter(acts) {
        acting.entry(&profile.node).or_default().push(profile);
    }
    if acting.is_empty() {
        return Vec::new();
    }
    let builds: Vec<_> = builds(&acting)
        .into_iter()
        .chain(builds_on_nodes(&acting))
        .collect();
    let copies: Vec<_> = acting
        .iter()
        .map(|(node, profiles)| copy(node, profiles))
        .collect();
    let barrier = PlannedStep {
        depends_on: builds.iter().map(|step| step.id.clone()).collect(),
        after: copies.iter().map(|step| step.id.clone()).collect(),
        ..bare(StepId::barrier(), StepKind::Barrier)
    };
    let order = in_order(nodes, &acting);
    let activations = order
        .into_iter()
        .flat_map(|node| activations(node, &acting));
    builds
        .into_iter()
        .chain(copies)
        .chain([barrier])
        .chain(activations)
        .collect()
}

/// Returns the nodes that were read.
pub(super) fn readable(nodes: &[PlannedNode]) -> BTreeSet<&NodeName> {
    let were_read = nodes.iter().filter(|node| node.observed == Observed::Ok);
    were_read.map(|node| &node.node).collect()
}

fn bare(id: StepId, kind: StepKind) -> PlannedStep {
    PlannedStep {
        id,
        kind,
        node: None,
        profile: None,
        drv_path: None,
        depends_on: vec![],
        after: vec![],
    }
}

fn builds(acting: &BTreeMap<&NodeName, Vec<&PlannedProfile>>) -> Vec<PlannedStep> {
    let derivations: BTreeSet<&StorePath> = acting
        .values()
        .flatten()
        .filter_map(|profile| profile.built_here())
        .collect();
    let step = |drv: &&StorePath| PlannedStep {
        drv_path: Some((*drv).clone()),
        ..bare(StepId::build(drv), StepKind::Build)
    };
    derivations.iter().map(step).collect()
}

fn builds_on_nodes(acting: &BTreeMap<&NodeName, Vec<&PlannedProfile>>) -> Vec<PlannedStep> {
    let built = |profile: &&PlannedProfile| {
        let derivation = profile.built_there()?.clone();
        Some((profile.node.clone(), derivation))
    };
    let profiles = acting.values().flatten();
    let builds: BTreeSet<(NodeName, StorePath)> = profiles.filter_map(built).collect();
    let step = |(node, derivation): (NodeName, StorePath)| PlannedStep {
        drv_path: Some(derivation.clone()),
        node: Some(node.clone()),
        ..bare(StepId::build_on(&node, &derivation), StepKind::Build)
    };
    builds.into_iter().map(step).collect()
}

fn copy(node: &NodeName, profiles: &[&PlannedProfile]) -> PlannedStep {
    let build = |profile: &&PlannedProfile| {
        let here = profile.built_here().map(StepId::build);
        let there = || Some(StepId::build_on(node, profile.built_there()?));
        here.or_else(there)
    };
    let builds: BTreeSet<_> = profiles.iter().filter_map(build).collect();
    PlannedStep {
        node: Some(node.clone()),
        depends_on: builds.into_iter().collect(),
        ..bare(StepId::copy(node), StepKind::Copy)
    }
}

/// Returns the nodes that act, each after those it depends on, and by name where that leaves a choice.
fn in_order<'a>(
    nodes: &'a [PlannedNode],
    acting: &BTreeMap<&NodeName, Vec<&PlannedProfile>>,
) -> Vec<&'a PlannedNode> {
    let mut waiting: Vec<&PlannedNode> = nodes
        .iter()
        .filter(|node| acting.contains_key(&node.node))
        .collect();
    let mut order = Vec::new();
    let mut placed = BTreeSet::<&NodeName>::new();
    let is_free = |node: &PlannedNode, placed: &BTreeSet<&NodeName>| {
        let mut earlier = node.depends_on.iter();
        earlier.all(|other| placed.contains(other) || !acting.contains_key(other))
    };
    // A plan with a circle is refused before this is called, so each round places some node.
    while !waiting.is_empty() {
        let (next, rest): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|node| is_free(node, &placed));
        if next.is_empty() {
            break;
        }
        placed.extend(next.iter().map(|node| &node.node));
        order.extend(next);
        waiting = rest;
    }
    order
}

fn activations(
    node: &PlannedNode,
    acting: &BTreeMap<&NodeName, Vec<&PlannedProfile>>,
) -> Vec<PlannedStep> {
    let last_of = |other: &NodeName| {
        acting
            .get(other)?
            .last()
            .map(|last| StepId::activate(other, &last.profile))
    };
    let mut before: Vec<StepId> = vec![StepId::barrier(), StepId::copy(&node.node)];
    before.extend(node.depends_on.iter().filter_map(last_of));
    let mut steps = Vec::new();
    for profile in acting.get(&node.node).into_iter().flatten() {
        let id = StepId::activate(&node.node, &profile.profile);
        steps.push(PlannedStep {
            node: Some(node.node.clone()),
            profile: Some(profile.profile.clone()),
            depends_on: before,
            ..bare(id.clone(), StepKind::Activate)
        });
        before = vec![id];
    }
    steps
}
