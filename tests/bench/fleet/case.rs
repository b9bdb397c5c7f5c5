//! What is measured.

/// The packages that are other ones in each round, and so are built and copied in each.
pub(crate) const CHANGED_PACKAGES: usize = 10;

/// A piece of work.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) goal: Goal,
    pub(crate) nodes: usize,
    /// How many of the nodes change.
    pub(crate) changed: usize,
    /// How long an activation takes, in seconds.
    pub(crate) activation: u64,
    /// The paths of a closure, the profile's own among them.
    pub(crate) paths: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    Plan,
    /// A plan beside the evaluation and the build alone, without a look at any node.
    PlanOverNix,
    Apply,
}

impl Goal {
    pub(crate) fn changes_nodes(self) -> bool {
        self == Self::Apply
    }
}

pub(crate) const CASES: [Case; 7] = [
    Case {
        name: "apply, 8 nodes, instant activation",
        goal: Goal::Apply,
        nodes: 8,
        changed: 8,
        activation: 0,
        paths: 100,
    },
    Case {
        name: "apply, 16 nodes, 1 s activation",
        goal: Goal::Apply,
        nodes: 16,
        changed: 16,
        activation: 1,
        paths: 100,
    },
    Case {
        name: "apply, 8 nodes, nothing changed",
        goal: Goal::Apply,
        nodes: 8,
        changed: 0,
        activation: 0,
        paths: 100,
    },
    Case {
        name: "apply, 16 nodes, nothing changed",
        goal: Goal::Apply,
        nodes: 16,
        changed: 0,
        activation: 1,
        paths: 100,
    },
    Case {
        name: "plan, 32 nodes, 4 changed",
        goal: Goal::Plan,
        nodes: 32,
        changed: 4,
        activation: 0,
        paths: 100,
    },
    Case {
        name: "plan over Nix alone, 8 nodes",
        goal: Goal::PlanOverNix,
        nodes: 8,
        changed: 8,
        activation: 0,
        paths: 100,
    },
    Case {
        name: "plan over Nix alone, 32 nodes",
        goal: Goal::PlanOverNix,
        nodes: 32,
        changed: 32,
        activation: 0,
        paths: 100,
    },
];

/// What takes a quarter of an hour to boot and settle, and so is only done where it is asked for.
pub(crate) const LARGE_CASES: [Case; 2] = [
    Case {
        name: "plan, 200 nodes, 20 changed",
        goal: Goal::Plan,
        nodes: 200,
        changed: 20,
        activation: 0,
        paths: 2000,
    },
    Case {
        name: "apply, 200 nodes, 20 changed",
        goal: Goal::Apply,
        nodes: 200,
        changed: 20,
        activation: 0,
        paths: 2000,
    },
];
