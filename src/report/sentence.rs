//! What a plan amounts to, in a sentence, and words for what it was made from.

use super::format::{DisplaySize, Plural};
use super::style::Tone;
use crate::plan::{Action, Flake, Observed, OriginKind, Plan};

/// Returns the plan in one sentence.
pub(super) fn sentence(plan: &Plan) -> (Tone, String) {
    if plan.profiles.is_empty() && plan.nodes.is_empty() {
        return (Tone::Strong, "Nothing is selected.".to_owned());
    }
    let nodes = nodes(plan);
    if !plan.has_changes() && nodes.is_empty() {
        let targets = match plan.summary.unchanged {
            1 => "1 profile is at its target".to_owned(),
            count => format!("{count} profiles are at their targets"),
        };
        return (Tone::Good, format!("No changes. {targets}."));
    }
    let mut parts = vec![profiles(plan)];
    parts.extend(nodes);
    parts.extend(copying(plan));
    parts.retain(|part| !part.is_empty());
    (Tone::Strong, format!("Plan: {}.", parts.join("; ")))
}

/// Returns why nobody else can make it again from what it was made from, where that is so.
pub(super) fn unlocked(flake: &Flake) -> Option<&'static str> {
    match (flake.kind, flake.dirty) {
        (OriginKind::File, _) => Some("not locked"),
        (OriginKind::Flake, true) => Some("with uncommitted changes"),
        (OriginKind::Flake, false) => None,
    }
}

fn profiles(plan: &Plan) -> String {
    let summary = &plan.summary;
    let counts = [
        (summary.create, "to create"),
        (summary.update, "to update"),
        (summary.roll_back, "to roll back"),
        (summary.reactivate, "to reactivate"),
        (summary.unchanged, "unchanged"),
        (summary.unknown, "unknown"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    counts.join(", ")
}

fn nodes(plan: &Plan) -> Vec<String> {
    let states = [
        (Observed::Unreachable, "unreachable"),
        (Observed::Failed, "not readable"),
    ];
    let count = |state| {
        let nodes = plan.nodes.iter().filter(|node| node.observed == state);
        nodes.map(|_| 1_u64).sum::<u64>()
    };
    states
        .into_iter()
        .filter(|(state, _)| count(*state) > 0)
        .map(|(state, words)| format!("{} {words}", Plural(count(state), "node")))
        .collect()
}

/// What is unknown of one closure makes the sum a lower bound.
fn copying(plan: &Plan) -> Option<String> {
    let mut copied = plan.profiles.iter().filter(|profile| {
        matches!(profile.action, Action::Create | Action::Update)
            || profile.action == Action::RollBack && profile.closure.is_some()
    });
    let some_unknown = copied.clone().any(|profile| profile.closure.is_none());
    let some_known = copied.any(|profile| profile.closure.is_some());
    let summary = &plan.summary;
    let paths = Plural(summary.paths_to_copy, "path");
    let size = DisplaySize(summary.bytes_to_copy);
    match (some_known, some_unknown) {
        (false, false) => None,
        (false, true) => Some("copy size unknown".to_owned()),
        (true, true) => Some(format!("at least {paths}, {size} to copy")),
        (true, false) if summary.paths_to_copy == 0 => Some("nothing to copy".to_owned()),
        (true, false) => Some(format!("{paths}, {size} to copy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Summary;
    use crate::report::fixtures;

    fn of(summary: Summary) -> String {
        let mut plan = fixtures::unchanged_plan();
        plan.summary = summary;
        sentence(&plan).1
    }

    #[test]
    fn nothing_to_do() {
        let unchanged = |unchanged| Summary {
            unchanged,
            ..Summary::default()
        };
        assert_eq!(of(unchanged(1)), "No changes. 1 profile is at its target.");
        assert_eq!(
            of(unchanged(3)),
            "No changes. 3 profiles are at their targets."
        );
        let mut empty = fixtures::unchanged_plan();
        empty.nodes.clear();
        empty.profiles.clear();
        assert_eq!(sentence(&empty).1, "Nothing is selected.");
    }

    #[test]
    fn an_unreachable_node_is_never_no_change() {
        let mut plan = fixtures::unchanged_plan();
        plan.nodes[0].observed = Observed::Unreachable;
        assert_eq!(sentence(&plan).1, "Plan: 3 unchanged; 1 node unreachable.");
    }

    #[test]
    fn sums_with_gaps_are_lower_bounds() {
        let mut plan = fixtures::plan();
        assert!(
            sentence(&plan).1.ends_with("; 430 paths, 1.2 GiB to copy."),
            "{}",
            sentence(&plan).1
        );
        let changed = |profile: &&mut crate::plan::PlannedProfile| profile.action == Action::Update;
        plan.profiles.iter_mut().find(changed).unwrap().closure = None;
        assert!(
            sentence(&plan)
                .1
                .ends_with("; at least 430 paths, 1.2 GiB to copy.")
        );
    }
}
