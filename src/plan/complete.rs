//! What follows from the nodes and profiles of a plan: its steps, its numbers, its digest.

use std::collections::BTreeSet;

use super::document::{Plan, PlannedProfile};
use super::file::digest;
use super::steps::steps;
use super::summary::summarize;
use crate::model::{NodeName, ProfileName};

impl Plan {
    /// Returns the part of the plan whose profiles are wanted, with the steps that they need.
    #[must_use]
    pub fn narrowed(&self, wanted: impl Fn(&NodeName, &ProfileName) -> bool) -> Self {
        let mut plan = self.clone();
        plan.profiles
            .retain(|profile| wanted(&profile.node, &profile.profile));
        let kept: BTreeSet<&NodeName> = plan.profiles.iter().map(|profile| &profile.node).collect();
        plan.nodes.retain(|node| kept.contains(&node.node));
        plan.complete();
        plan
    }

    /// Puts the nodes and their profiles in the order of the nodes' names, and fills in what follows from them: steps, summary
    /// and digest.
    pub(crate) fn complete(&mut self) {
        self.nodes.sort_by(|one, other| one.node.cmp(&other.node));
        let by_node = |one: &PlannedProfile, other: &PlannedProfile| one.node.cmp(&other.node);
        self.profiles.sort_by(by_node);
        self.steps = steps(&self.nodes, &self.profiles);
        self.summary = summarize(&self.nodes, &self.profiles);
        self.digest = digest(self);
    }
}
