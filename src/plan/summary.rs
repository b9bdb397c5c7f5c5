//! The numbers of a plan.

use super::document::{Action, Observed, PlannedNode, PlannedProfile, Summary};
use crate::model::NodeName;

/// Returns how many profiles get which action, and what is to be copied.
pub(super) fn summarize(nodes: &[PlannedNode], profiles: &[PlannedProfile]) -> Summary {
    let readable = |name: &NodeName| {
        nodes
            .iter()
            .any(|node| &node.node == name && node.observed == Observed::Ok)
    };
    let count = |action| {
        profiles
            .iter()
            .filter(|profile| profile.action == action)
            .count() as u64
    };
    let closures = profiles
        .iter()
        .filter(|profile| readable(&profile.node))
        .filter_map(|profile| profile.closure.as_ref());
    Summary {
        create: count(Action::Create),
        update: count(Action::Update),
        unchanged: count(Action::Unchanged),
        reactivate: count(Action::Reactivate),
        roll_back: count(Action::RollBack),
        unknown: count(Action::Unknown),
        unreadable_nodes: nodes
            .iter()
            .filter(|node| node.observed != Observed::Ok)
            .count() as u64,
        bytes_to_copy: closures.clone().map(|closure| closure.bytes_to_copy).sum(),
        paths_to_copy: closures.map(|closure| closure.paths_to_copy).sum(),
    }
}
