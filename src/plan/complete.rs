//! What follows from the nodes and profiles of a plan: its steps, its numbers, its digest.

use super::document::Plan;
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
        plan.nodes.retain(|node| {
            plan.profiles
                .iter()
                .any(|profile| profile.node == node.node)
        });
        plan.complete();
        plan
    }

    /// Fills in what follows from nodes and profiles: steps, summary and digest.
    pub(crate) fn complete(&mut self) {
        self.steps = steps(&self.nodes, &self.profiles);
        self.summary = summarize(&self.nodes, &self.profiles);
        self.digest = digest(self);
    }
}
