//! The numbers of a plan.

use super::document::{Action, ClosureChange, Observed, PlannedNode, PlannedProfile, Summary};
use super::steps::readable;

/// Returns how many profiles get which action, and what is to be copied.
pub(super) fn summarize(nodes: &[PlannedNode], profiles: &[PlannedProfile]) -> Summary {
    let readable = readable(nodes);
    let count = |action| {
        profiles
            .iter()
            .filter(|profile| profile.action == action)
            .count() as u64
    };
    let closures = profiles
        .iter()
        .filter(|profile| readable.contains(&profile.node))
        .filter_map(|profile| profile.closure.as_ref());
    let sum =
        |value: fn(&ClosureChange) -> u64| closures.clone().map(value).fold(0, u64::saturating_add);
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
        bytes_to_copy: sum(|closure| closure.bytes_to_copy),
        paths_to_copy: sum(|closure| closure.paths_to_copy),
    }
}
