//! Dealing the nodes of a fleet to several evaluators, and putting together what they find.
//!
//! Only an evaluation knows which nodes there are, so the first evaluator takes a share by itself
//! (in expression.nix) and says so before it goes on; the others get what it has left.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use super::raw::{Begun, Evaluation};
use super::selection::{NodeSelection, Selection};
use crate::model::NodeName;

/// How the nodes of a fleet may be dealt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluators {
    /// The most evaluators at the same time.
    pub at_once: NonZeroUsize,
    /// The fewest nodes that are worth one more evaluator.
    pub least_nodes: NonZeroUsize,
    /// The most nodes that an evaluator has memory for; without it, all.
    pub most_nodes: Option<NonZeroUsize>,
}

impl Evaluators {
    /// One for all nodes, however many they are.
    pub const ONE: Self = Self {
        at_once: NonZeroUsize::MIN,
        least_nodes: NonZeroUsize::MIN,
        most_nodes: None,
    };
}

impl Default for Evaluators {
    fn default() -> Self {
        Self::ONE
    }
}

/// Deals the nodes that the first evaluator has left, in hands no larger than its share.
///
/// A name that no node may have is left out: the settings are refused for it.
pub fn deal(begun: &Begun) -> Vec<Vec<NodeName>> {
    let taken: BTreeSet<&String> = begun.share.iter().collect();
    let left = begun.settings.nodes.keys();
    let left = left.filter(|name| !taken.contains(name));
    let left: Vec<NodeName> = left.filter_map(|name| name.parse().ok()).collect();
    let hands = left.len().div_ceil(begun.share.len().max(1));
    // Neighbours by name are alike, and so are their costs.
    let hand = |first| left.iter().skip(first).step_by(hands).cloned().collect();
    (0..hands).map(hand).collect()
}

impl Selection {
    /// Returns what is wanted of these nodes only.
    #[must_use]
    pub fn only(&self, nodes: &[NodeName]) -> Self {
        let wanted = |node: &NodeName| match &self.nodes {
            None => Some(NodeSelection::All),
            Some(nodes) => nodes.get(node).cloned(),
        };
        let nodes = nodes
            .iter()
            .filter_map(|node| Some((node.clone(), wanted(node)?)));
        Self {
            nodes: Some(nodes.collect()),
            ..self.clone()
        }
    }
}

impl Evaluation {
    /// Adds what another evaluator has found, unless the fleet was another one by then.
    #[must_use]
    pub fn add(&mut self, other: Self) -> bool {
        let found = other.settings;
        let is_same = found.node_names == self.settings.node_names
            && found.fleet == self.settings.fleet
            && found
                .nodes
                .iter()
                .all(|(name, node)| self.settings.nodes.get(name) == Some(node));
        if is_same {
            self.targets.extend(other.targets);
        }
        is_same
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Origin;

    /// What an evaluator prints for these of the nodes, each of which has a number.
    fn evaluated(all: &[String], selected: &[&String], share: &[&String]) -> Value {
        let node = |name: &&String| {
            let hostname = json!({ "type": "string", "value": format!("{name}.example.org") });
            let node = json!({
                "type": "set", "options": { "hostname": hostname }, "unknown": [],
                "profilesType": "set", "profileNames": ["app"], "profiles": {},
            });
            ((*name).clone(), node)
        };
        let target = |name: &&String| {
            let app = json!({ "type": "string", "storePath": format!("path of {name}") });
            ((*name).clone(), json!({ "app": app }))
        };
        json!({
            "settings": {
                "fleet": { "type": "set", "options": {}, "unknown": [] },
                "nodesType": "set",
                "nodeNames": all,
                "nodes": selected.iter().map(node).collect::<serde_json::Map<_, _>>(),
            },
            "share": share,
            "targets": share.iter().map(target).collect::<serde_json::Map<_, _>>(),
        })
    }

    fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }

    /// Nodes, which of them the first evaluator takes, and an order for the others.
    fn dealt() -> impl Strategy<Value = (Vec<String>, Vec<bool>, Vec<usize>)> {
        let names = proptest::collection::btree_set("[a-z][a-z0-9.-]{0,5}", 1..40);
        names.prop_flat_map(|names| {
            let count = names.len();
            (
                Just(names.into_iter().collect()),
                proptest::collection::vec(any::<bool>(), count),
                Just((0..count).collect::<Vec<_>>()).prop_shuffle(),
            )
        })
    }

    proptest! {
        #[test]
        fn several_evaluators_find_what_one_finds((all, taken, order) in dealt()) {
            let every: Vec<&String> = all.iter().collect();
            let share: Vec<&String> = all.iter().zip(&taken).filter(|(_, taken)| **taken).map(|(name, _)| name).collect();
            let mut merged: Evaluation = read(&evaluated(&all, &every, &share));
            let hands = deal(&read(&evaluated(&all, &every, &share)));
            let mut nodes: Vec<&str> = hands.iter().flatten().map(NodeName::as_str).collect();
            nodes.extend(share.iter().map(|name| name.as_str()));
            nodes.sort_unstable();
            prop_assert_eq!(nodes, every.iter().map(|name| name.as_str()).collect::<Vec<_>>());
            prop_assert!(hands.iter().all(|hand| hand.len() <= share.len().max(1)));
            for index in order.iter().filter(|index| **index < hands.len()) {
                let hand: Vec<String> = hands[*index].iter().map(ToString::to_string).collect();
                let hand: Vec<&String> = hand.iter().collect();
                prop_assert!(merged.add(read(&evaluated(&all, &hand, &hand))));
            }
            let one: Evaluation = read(&evaluated(&all, &every, &every));
            prop_assert_eq!(merged.settings, one.settings);
            prop_assert_eq!(merged.targets, one.targets);
        }
    }

    #[test]
    fn a_fleet_that_was_changed_meanwhile_is_not_added() {
        let name = |name: &str| name.to_owned();
        let before = [name("a"), name("b")];
        let after = [name("a"), name("b"), name("c")];
        let mut first: Evaluation = read(&evaluated(
            &before,
            &[&before[0], &before[1]],
            &[&before[0]],
        ));
        assert!(!first.add(read(&evaluated(&after, &[&after[1]], &[&after[1]]))));
        assert_eq!(first.targets.len(), 1);
    }

    #[test]
    fn profiles_that_were_asked_for_stay_the_only_ones() {
        let targets = ["a", "b.x", "c"].map(|name| format!(".#{name}").parse().unwrap());
        let selection = &super::super::select(&targets, &[])[0];
        let nodes = ["a", "b"].map(|name| name.parse().unwrap());
        let only = selection.only(&nodes);
        assert_eq!(only.origin, Origin::Flake(".".to_owned()));
        let included = |node: &str, profile: &str| {
            only.includes(&node.parse().unwrap(), &profile.parse().unwrap())
        };
        assert!(included("a", "any") && included("b", "x"));
        assert!(!included("b", "y") && !included("c", "x"));
    }
}
