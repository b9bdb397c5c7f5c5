//! What reporters know of the steps: facts by id, names for people, and times.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::apply::{Event, StepFact, TimedEvent};
use crate::model::NodeName;
use crate::model::quoted;
use crate::plan::{StepId, StepKind};

/// The steps of a run, as far as the events tell.
#[derive(Default)]
pub(super) struct Steps {
    facts: Vec<StepFact>,
    positions: BTreeMap<StepId, usize>,
    started: BTreeMap<StepId, u64>,
}

impl Steps {
    /// Takes note of the steps, and of when they start.
    pub(super) fn note(&mut self, event: &TimedEvent) {
        match &event.event {
            Event::RunStarted { steps, .. } => {
                self.facts.clone_from(steps);
                let ids = steps.iter().map(|fact| fact.id.clone());
                self.positions = ids.zip(0..).collect();
            }
            Event::StepStarted { step } => {
                self.started.insert(step.clone(), event.at);
            }
            _ => {}
        }
    }

    /// Returns the steps in the plan's order.
    pub(super) fn facts(&self) -> &[StepFact] {
        &self.facts
    }

    /// Returns what is known of a step.
    pub(super) fn fact(&self, step: &StepId) -> Option<&StepFact> {
        self.positions
            .get(step)
            .and_then(|position| self.facts.get(*position))
    }

    /// Returns what a step does; that of an unknown step is shown like an activation's.
    pub(super) fn kind(&self, step: &StepId) -> StepKind {
        self.fact(step).map_or(StepKind::Activate, |fact| fact.kind)
    }

    /// Returns how long a step that ends at `end` took; none if it never started.
    pub(super) fn took(&self, step: &StepId, end: u64) -> Option<Duration> {
        let start = self.started.get(step)?;
        Some(Duration::from_millis(end.saturating_sub(*start)))
    }

    /// Returns whom a line about a step is about: `web1.system`, `web1` or `build`.
    pub(super) fn subject(&self, step: &StepId) -> String {
        let Some(fact) = self.fact(step) else {
            return step.to_string();
        };
        match (&fact.node, &fact.profile) {
            (Some(node), Some(profile)) => {
                format!("{}.{}", quoted(node.as_str()), quoted(profile.as_str()))
            }
            (Some(node), None) => quoted(node.as_str()),
            (None, _) if fact.kind == StepKind::Build => "build".to_owned(),
            (None, _) => "deploy".to_owned(),
        }
    }

    /// Returns what a build step builds, and where if not here.
    pub(super) fn built(&self, step: &StepId) -> String {
        let name = built_name(step);
        match self.fact(step).and_then(|fact| fact.node.as_ref()) {
            Some(node) => format!("{name} on {}", quoted(node.as_str())),
            None => name.to_owned(),
        }
    }

    /// Returns a step as a noun, such as `the copy to web1`.
    pub(super) fn deed(&self, step: &StepId) -> String {
        match self.fact(step).map(|fact| fact.kind) {
            Some(StepKind::Build) => format!("the build of {}", self.built(step)),
            Some(StepKind::Copy) => format!("the copy to {}", self.subject(step)),
            Some(StepKind::Activate) => self.subject(step),
            Some(StepKind::Barrier) => "building and copying".to_owned(),
            None => step.to_string(),
        }
    }
}

/// Returns the name of what a build step builds, such as `hello-2.12`.
pub(super) fn built_name(step: &StepId) -> &str {
    let text = step.as_str();
    let base = text.strip_prefix("build:").unwrap_or(text);
    let base = base.split('@').next().unwrap_or(base);
    let name = base.split_once('-').map_or(base, |(_, name)| name);
    name.strip_suffix(".drv").unwrap_or(name)
}

/// Returns the label of a line that concerns `node`, or none.
pub(super) fn node_label(node: Option<&NodeName>) -> String {
    node.map_or_else(|| "deploy".to_owned(), |node| quoted(node.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn steps_have_names_for_people() {
        let mut steps = Steps::default();
        for event in fixtures::run() {
            steps.note(&event);
        }
        let names: Vec<String> = steps
            .facts()
            .iter()
            .map(|fact| format!("{}: {}", steps.subject(&fact.id), steps.deed(&fact.id)))
            .collect();
        insta::assert_snapshot!(names.join("\n"), @r"
        build: the build of nginx-1.27.0
        router: the copy to router
        web1: the copy to web1
        web2: the copy to web2
        web3: the copy to web3
        deploy: building and copying
        router.system: router.system
        web1.system: web1.system
        web1.app: web1.app
        web2.system: web2.system
        web3.system: web3.system
        ");
    }
}
