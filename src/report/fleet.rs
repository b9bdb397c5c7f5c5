//! A plan seen as a fleet: what many nodes share is said once, and nodes that are alike are one.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::NodeName;
use crate::plan::{
    Action, Observed, PackageChange, PackageChangeKind, Plan, PlannedNode, PlannedProfile,
    VerdictKind,
};

/// With no more changed nodes than these, each is shown on its own.
const FEW_NODES: usize = 3;
/// A change of a package on so many nodes is said once.
const MANY_NODES: usize = 3;
/// Stands for the node's own name in names of packages.
const OWN_NAME: &str = "<node>";

/// A plan's nodes, grouped.
pub(super) struct FleetView<'a> {
    /// What many nodes share, the riskiest first.
    pub(super) shared: Vec<SharedChange<'a>>,
    /// Nodes that have something to be shown, the riskiest first.
    pub(super) groups: Vec<NodeGroup<'a>>,
    /// How many nodes have nothing to be shown, as nothing changes on them.
    pub(super) unchanged_nodes: usize,
}

/// A change of a package, and the nodes that it is on.
pub(super) struct SharedChange<'a> {
    pub(super) change: &'a PackageChange,
    pub(super) nodes: Vec<&'a NodeName>,
}

/// Nodes whose changes are alike.
pub(super) struct NodeGroup<'a> {
    pub(super) nodes: Vec<&'a PlannedNode>,
    pub(super) profiles: Vec<ProfileGroup<'a>>,
}

/// One profile of the nodes of a group.
pub(super) struct ProfileGroup<'a> {
    /// The profile on each node.
    pub(super) profiles: Vec<&'a PlannedProfile>,
    /// The changes of packages of the first node that are not among the shared ones.
    own: Vec<&'a PackageChange>,
    /// How many are.
    pub(super) shared: usize,
}

impl<'a> FleetView<'a> {
    /// Groups the nodes of a plan. `shows` tells the profiles that have something to be shown.
    pub(super) fn of(plan: &'a Plan, shows: impl Fn(&PlannedProfile) -> bool) -> Self {
        let shown = |node: &PlannedNode| -> Vec<&'a PlannedProfile> {
            let profiles = plan.profiles_of(&node.node);
            profiles.filter(|profile| shows(profile)).collect()
        };
        let changing: BTreeSet<&NodeName> = plan
            .profiles
            .iter()
            .filter(|profile| profile.action != Action::Unchanged)
            .map(|profile| &profile.node)
            .collect();
        let is_large = changing.len() > FEW_NODES;
        let shared = if is_large {
            shared_changes(plan)
        } else {
            Vec::new()
        };
        let known: BTreeSet<_> = shared.iter().map(|shared| key(shared.change)).collect();
        let mut groups = BTreeMap::<(usize, String), NodeGroup<'a>>::new();
        let mut unchanged_nodes = 0;
        for (position, node) in plan.nodes.iter().enumerate() {
            let shown = shown(node);
            if shown.is_empty() && node.error.is_none() && node.notes.is_empty() {
                unchanged_nodes += 1;
                continue;
            }
            let profiles: Vec<_> = shown
                .into_iter()
                .map(|profile| ProfileGroup::new(profile, &known))
                .collect();
            // Nodes that could not be read, or with notes of their own, speak for themselves.
            let is_alone = !is_large || node.observed != Observed::Ok || !node.notes.is_empty();
            let place = if is_alone { position + 1 } else { 0 };
            match groups.entry((place, shape(&profiles))) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let nodes = vec![node];
                    entry.insert(NodeGroup { nodes, profiles });
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    entry.get_mut().add(node, &profiles);
                }
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by(|one, other| {
            let names = |group: &NodeGroup<'a>| group.nodes[0].node.clone();
            let risks = one.risk().cmp(&other.risk()).reverse();
            let risks = if is_large {
                risks
            } else {
                std::cmp::Ordering::Equal
            };
            risks.then_with(|| names(one).cmp(&names(other)))
        });
        Self {
            shared,
            groups,
            unchanged_nodes,
        }
    }
}

impl<'a> NodeGroup<'a> {
    fn add(&mut self, node: &'a PlannedNode, profiles: &[ProfileGroup<'a>]) {
        self.nodes.push(node);
        for (group, added) in self.profiles.iter_mut().zip(profiles) {
            group.profiles.extend(&added.profiles);
        }
    }

    /// Returns what makes people look, the greatest first: nodes that cannot be read, downgrades,
    /// what is removed, first deployments.
    fn risk(&self) -> u32 {
        let node = self.nodes.iter().map(|node| match node.observed {
            Observed::Ok => u32::from(!node.notes.is_empty()) * 3,
            Observed::Unreachable | Observed::Failed => 6,
        });
        let profiles = self.profiles.iter().map(ProfileGroup::risk);
        node.chain(profiles).max().unwrap_or(0)
    }
}

impl<'a> ProfileGroup<'a> {
    fn new(profile: &'a PlannedProfile, known: &BTreeSet<ChangeKey<'_>>) -> Self {
        let packages = profile.closure.iter().flat_map(|closure| &closure.packages);
        let all = packages.clone().count();
        let own: Vec<_> = packages
            .filter(|change| !known.contains(&key(change)))
            .collect();
        Self {
            profiles: vec![profile],
            shared: all - own.len(),
            own,
        }
    }

    /// Returns one of the profiles, which are alike but for numbers and sizes.
    pub(super) fn example(&self) -> &'a PlannedProfile {
        self.profiles[0]
    }

    /// Returns the changes of packages that are not among the shared ones. For several nodes the
    /// name of the node is left open.
    pub(super) fn own(&self) -> Vec<PackageChange> {
        if self.profiles.len() > 1 {
            self.alike()
        } else {
            self.own.iter().map(|change| (*change).clone()).collect()
        }
    }

    fn alike(&self) -> Vec<PackageChange> {
        let node = &self.example().node;
        let alike = self.own.iter().map(|change| PackageChange {
            name: without_own_name(&change.name, node),
            ..(*change).clone()
        });
        alike.collect()
    }

    /// Returns whether a value is the same for all of them.
    pub(super) fn agree<Value: PartialEq>(&self, value: impl Fn(&PlannedProfile) -> Value) -> bool {
        let first = value(self.example());
        self.profiles.iter().all(|profile| value(profile) == first)
    }

    fn risk(&self) -> u32 {
        let action = match self.example().action {
            Action::Unknown => 5,
            Action::Create => 1,
            Action::Update | Action::Reactivate | Action::RollBack | Action::Unchanged => 0,
        };
        let verdicts = self.example().verdicts.iter();
        let verdicts = verdicts.map(|verdict| match verdict.kind {
            VerdictKind::RebootNeeded | VerdictKind::Downgrade => 4,
            VerdictKind::Drift | VerdictKind::NoWayBack | VerdictKind::RollbackOff => 3,
            VerdictKind::FirstDeployment => 1,
        });
        let action = verdicts.fold(action, u32::max);
        let packages = self
            .example()
            .closure
            .iter()
            .flat_map(|closure| &closure.packages);
        let packages = packages.map(|change| risk_of(change.kind));
        packages.fold(action, u32::max)
    }
}

fn risk_of(kind: PackageChangeKind) -> u32 {
    match kind {
        PackageChangeKind::Downgraded => 4,
        PackageChangeKind::Removed => 2,
        PackageChangeKind::Added
        | PackageChangeKind::Upgraded
        | PackageChangeKind::Rebuilt
        | PackageChangeKind::Changed => 0,
    }
}

type ChangeKey<'a> = (&'a str, &'a [String], &'a [String]);

fn key(change: &PackageChange) -> ChangeKey<'_> {
    (&change.name, &change.before, &change.after)
}

fn shared_changes(plan: &Plan) -> Vec<SharedChange<'_>> {
    let mut found = BTreeMap::<ChangeKey<'_>, SharedChange<'_>>::new();
    for profile in &plan.profiles {
        for change in profile.closure.iter().flat_map(|closure| &closure.packages) {
            let shared = found.entry(key(change)).or_insert_with(|| SharedChange {
                change,
                nodes: Vec::new(),
            });
            if shared.nodes.last() != Some(&&profile.node) {
                shared.nodes.push(&profile.node);
            }
        }
    }
    let mut shared: Vec<_> = found
        .into_values()
        .filter(|shared| shared.nodes.len() >= MANY_NODES)
        .collect();
    shared.sort_by_key(|shared| std::cmp::Reverse(risk_of(shared.change.kind)));
    shared
}

/// Returns what two profiles must have in common to be alike, as text.
fn shape(profiles: &[ProfileGroup<'_>]) -> String {
    let parts = profiles.iter().map(|group| {
        let profile = group.example();
        format!(
            "{:?}",
            (
                &profile.profile,
                &profile.user,
                profile.action,
                profile.closure.is_some(),
                &profile.verdicts,
                &profile.units,
                group.shared,
                group.alike(),
            )
        )
    });
    parts.collect()
}

/// Names such as `nixos-system-web1` differ from node to node, and mean the same.
fn without_own_name(name: &str, node: &NodeName) -> String {
    let node = node.as_str();
    let Some((start, _)) = name.match_indices(node).find(|(start, _)| {
        let before = name[..*start].chars().next_back();
        let after = name[start + node.len()..].chars().next();
        before == Some('-') && matches!(after, None | Some('-'))
    }) else {
        return name.to_owned();
    };
    format!(
        "{}{OWN_NAME}{}",
        &name[..start],
        &name[start + node.len()..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn view(plan: &Plan) -> FleetView<'_> {
        FleetView::of(plan, |profile| profile.action != Action::Unchanged)
    }

    #[test]
    fn a_few_nodes_are_shown_one_by_one() {
        let plan = fixtures::plan();
        let view = view(&plan);
        assert!(view.shared.is_empty());
        assert!(view.groups.iter().all(|group| group.nodes.len() == 1));
        assert_eq!(view.groups.len() + view.unchanged_nodes, plan.nodes.len());
    }

    #[test]
    fn nodes_that_are_alike_are_one_and_the_riskiest_come_first() {
        let plan = fixtures::fleet_plan();
        let view = view(&plan);
        let shared: Vec<_> = view
            .shared
            .iter()
            .map(|shared| (shared.change.name.as_str(), shared.nodes.len()))
            .collect();
        assert_eq!(shared, [("linux", 13), ("openssl", 14)]);
        let groups: Vec<_> = view
            .groups
            .iter()
            .map(|group| (group.nodes[0].node.as_str(), group.nodes.len()))
            .collect();
        assert_eq!(
            groups,
            [("db1", 1), ("mail", 1), ("web01", 12), ("router", 1)]
        );
        assert_eq!(view.unchanged_nodes, 31);
        let system = &view.groups[2].profiles[0];
        assert_eq!((system.own().len(), system.shared), (1, 2));
        assert_eq!(system.own()[0].name, "nixos-system-<node>");
    }

    #[test]
    fn the_name_of_a_node_is_found_between_dashes_only() {
        let node: NodeName = "web".parse().unwrap();
        for (name, expected) in [
            ("nixos-system-web", "nixos-system-<node>"),
            ("unit-web-x", "unit-<node>-x"),
            ("website", "website"),
            ("my-website-web", "my-website-<node>"),
            ("web-x", "web-x"),
        ] {
            assert_eq!(without_own_name(name, &node), expected);
        }
    }
}
