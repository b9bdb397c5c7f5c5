//! What goes on while a plan is made, as one line.

use std::collections::BTreeSet;

use super::format::Plural;
use crate::apply::Event;

/// What goes on while a plan is made. Its parts overlap: nodes are read while Nix evaluates.
#[derive(Default)]
pub(super) struct Progress {
    evaluating: BTreeSet<String>,
    checking: BTreeSet<String>,
    nodes: u64,
    read: u64,
    building: Option<u64>,
}

impl Progress {
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::EvaluationStarted { flake } => {
                self.evaluating.insert(flake.clone());
            }
            Event::EvaluationFinished { flake } => {
                self.evaluating.remove(flake);
            }
            Event::CheckStarted { flake } => {
                self.checking.insert(flake.clone());
            }
            Event::CheckFinished { flake } => {
                self.checking.remove(flake);
            }
            Event::ObservationStarted { .. } => self.nodes += 1,
            Event::ObservationFinished { .. } => self.read += 1,
            Event::BuildStarted { derivations } => self.building = Some(*derivations),
            Event::BuildFinished { .. } => self.building = None,
            Event::RunStarted { .. } => *self = Self::default(),
            _ => {}
        }
    }

    /// Returns what goes on now; nothing between the parts.
    pub(super) fn words(&self) -> Option<String> {
        let mut parts = Vec::new();
        parts.extend(on_flakes("evaluating", &self.evaluating));
        parts.extend(on_flakes("checking", &self.checking));
        if self.read < self.nodes {
            let nodes = Plural(self.nodes, "node");
            parts.push(format!("reading {} of {nodes}", self.read + 1));
        }
        if let Some(derivations) = self.building {
            parts.push(format!("building {}", Plural(derivations, "derivation")));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

fn on_flakes(doing: &str, flakes: &BTreeSet<String>) -> Option<String> {
    let first = flakes.first()?;
    Some(match flakes.len() {
        1 => format!("{doing} {first}"),
        several => format!("{doing} {several} flakes"),
    })
}
