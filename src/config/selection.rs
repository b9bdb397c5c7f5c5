//! Which nodes and profiles of each flake were asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::{Origin, TargetArgument};
use crate::model::{NodeName, ProfileName};

/// What is wanted of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeSelection {
    /// All its profiles.
    All,
    /// These profiles.
    Profiles(BTreeSet<ProfileName>),
}

/// What is wanted of one fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Where the fleet is described.
    pub origin: Origin,
    /// The nodes wanted; none stands for all of them.
    pub nodes: Option<BTreeMap<NodeName, NodeSelection>>,
    /// The nodes and profiles left out.
    pub excluded: BTreeMap<NodeName, NodeSelection>,
}

impl Selection {
    /// Returns whether a profile is wanted, given that it exists.
    pub fn includes(&self, node: &NodeName, profile: &ProfileName) -> bool {
        let named = |selection: &NodeSelection| match selection {
            NodeSelection::All => true,
            NodeSelection::Profiles(profiles) => profiles.contains(profile),
        };
        let wanted = match &self.nodes {
            None => true,
            Some(nodes) => nodes.get(node).is_some_and(named),
        };
        wanted && !self.excluded.get(node).is_some_and(named)
    }
}

/// Returns the selections that these TARGETs ask for, one per fleet, in the order of first mention.
pub fn select(targets: &[TargetArgument], excluded: &[TargetArgument]) -> Vec<Selection> {
    let mut selections: Vec<Selection> = Vec::new();
    for target in targets {
        let position = selections
            .iter()
            .position(|selection| selection.origin == target.origin);
        let selection = if let Some(position) = position {
            &mut selections[position]
        } else {
            let nodes = Some(BTreeMap::new());
            selections.push(Selection {
                origin: target.origin.clone(),
                nodes,
                excluded: BTreeMap::new(),
            });
            let last = selections.len() - 1;
            &mut selections[last]
        };
        match (&target.node, &mut selection.nodes) {
            (None, nodes) => *nodes = None,
            (Some(_), None) => {}
            (Some(node), Some(nodes)) => add(nodes, node, target.profile.as_ref()),
        }
    }
    for target in excluded {
        for selection in selections
            .iter_mut()
            .filter(|selection| selection.origin == target.origin)
        {
            match &target.node {
                None => selection.nodes = Some(BTreeMap::new()),
                Some(node) => add(&mut selection.excluded, node, target.profile.as_ref()),
            }
        }
    }
    selections
}

fn add(
    nodes: &mut BTreeMap<NodeName, NodeSelection>,
    node: &NodeName,
    profile: Option<&ProfileName>,
) {
    let Some(profile) = profile else {
        nodes.insert(node.clone(), NodeSelection::All);
        return;
    };
    let empty = || NodeSelection::Profiles(BTreeSet::new());
    if let NodeSelection::Profiles(profiles) = nodes.entry(node.clone()).or_insert_with(empty) {
        profiles.insert(profile.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(texts: &[&str]) -> Vec<TargetArgument> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn includes(wanted: &[&str], excluded: &[&str], node: &str, profile: &str) -> bool {
        let selections = select(&targets(wanted), &targets(excluded));
        selections
            .iter()
            .any(|selection| selection.includes(&node.parse().unwrap(), &profile.parse().unwrap()))
    }

    #[test]
    fn several_targets_add_up() {
        assert!(includes(&[".#a", ".#b.x"], &[], "a", "any"));
        assert!(includes(&[".#a", ".#b.x"], &[], "b", "x"));
        assert!(!includes(&[".#a", ".#b.x"], &[], "b", "y"));
        assert!(includes(&[".#b.x", "."], &[], "c", "z"));
        assert!(includes(&[".#b.x", ".#b"], &[], "b", "y"));
    }

    #[test]
    fn exclusion_wins() {
        assert!(!includes(&["."], &[".#a"], "a", "x"));
        assert!(includes(&["."], &[".#a.x"], "a", "y"));
        assert!(!includes(&["."], &["."], "a", "y"));
    }

    #[test]
    fn each_flake_is_evaluated_once() {
        assert_eq!(select(&targets(&[".#a", "x#b", ".#c"]), &[]).len(), 2);
    }
}
