//! The facts of a run as spans: what took how long.

use std::collections::BTreeMap;
use std::time::Duration;

use super::trace_layout::{TraceGroup, TraceSpan, render_trace};
use super::{Plural, Reporter};
use crate::apply::{Event, Stage, TimedEvent};
use crate::plan::StepId;

/// The track of what concerns no single node.
const RUN: &str = "run";

/// Collects the facts of a run as spans.
#[derive(Debug, Default)]
pub struct Trace {
    ended: Vec<TraceSpan>,
    open: BTreeMap<Key, TraceSpan>,
    tracks: BTreeMap<StepId, String>,
    last: Duration,
}

/// What is going on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Evaluation(String),
    Check(String),
    Node(String),
    Build,
    Asking,
    Run,
    Step(StepId),
    Stage(StepId),
}

impl Trace {
    /// Returns the trace as a document, together with spans from elsewhere. What has not ended yet
    /// ends with the last fact.
    pub fn render(&self, others: Vec<TraceSpan>) -> String {
        let mut spans = others;
        spans.extend(self.ended.iter().cloned());
        spans.extend(self.open.values().map(|span| TraceSpan {
            ended: self.last,
            ..span.clone()
        }));
        render_trace(spans)
    }

    fn begin(&mut self, key: Key, track: &str, name: String) {
        self.end(&key);
        let span = TraceSpan {
            group: TraceGroup::Steps,
            track: track.to_owned(),
            name,
            detail: String::new(),
            begun: self.last,
            ended: self.last,
        };
        self.open.insert(key, span);
    }

    fn end(&mut self, key: &Key) {
        if let Some(span) = self.open.remove(key) {
            let ended = self.last;
            self.ended.push(TraceSpan { ended, ..span });
        }
    }

    fn note_step(&mut self, event: &Event) {
        match event {
            Event::StepStarted { step } => {
                let track = self.track_of(step);
                self.begin(Key::Step(step.clone()), &track, step.to_string());
            }
            Event::StepStaged { step, stage } => {
                let track = self.track_of(step);
                self.begin(Key::Stage(step.clone()), &track, name_of(stage).to_owned());
            }
            Event::StepFinished { step, .. } => {
                self.end(&Key::Stage(step.clone()));
                self.end(&Key::Step(step.clone()));
            }
            _ => {}
        }
    }

    fn track_of(&self, step: &StepId) -> String {
        let track = self.tracks.get(step);
        track.cloned().unwrap_or_else(|| RUN.to_owned())
    }
}

impl Reporter for Trace {
    fn report(&mut self, event: &TimedEvent) {
        self.last = Duration::from_millis(event.at);
        match &event.event {
            Event::EvaluationStarted { flake } => {
                let name = format!("evaluate {flake}");
                self.begin(Key::Evaluation(flake.clone()), RUN, name);
            }
            Event::EvaluationFinished { flake } => self.end(&Key::Evaluation(flake.clone())),
            Event::CheckStarted { flake } => {
                self.begin(Key::Check(flake.clone()), RUN, format!("check {flake}"));
            }
            Event::CheckFinished { flake } => self.end(&Key::Check(flake.clone())),
            Event::ObservationStarted { node } => {
                let key = Key::Node(node.to_string());
                self.begin(key, node.as_str(), format!("read {node}"));
            }
            Event::ObservationFinished { node, .. } => self.end(&Key::Node(node.to_string())),
            Event::BuildStarted { derivations } => {
                let name = format!("build {}", Plural(*derivations, "derivation"));
                self.begin(Key::Build, RUN, name);
            }
            Event::BuildFinished { .. } => self.end(&Key::Build),
            Event::AskingStarted { destination } => {
                self.begin(Key::Asking, RUN, format!("ask for {destination}"));
            }
            Event::AskingFinished => self.end(&Key::Asking),
            Event::RunStarted { run, steps, .. } => {
                let nodes = steps.iter().filter_map(|step| {
                    let node = step.node.as_ref()?;
                    Some((step.id.clone(), node.to_string()))
                });
                self.tracks = nodes.collect();
                self.begin(Key::Run, RUN, format!("run {run}"));
            }
            Event::RunFinished { .. } => self.end(&Key::Run),
            step => self.note_step(step),
        }
    }

    fn finish(&mut self) {}
}

fn name_of(stage: &Stage) -> &'static str {
    match stage {
        Stage::Recovered { .. } => "recovered",
        Stage::Setting => "set",
        Stage::Activating => "activate",
        Stage::Waiting { .. } => "wait for the confirmation",
        Stage::Confirmed => "confirmed",
        Stage::RollingBack => "roll back",
        Stage::Reconnecting => "reconnect",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn every_fact_that_took_time_is_in_the_trace() {
        let mut trace = Trace::default();
        let mut events = fixtures::planning();
        events.extend(fixtures::run());
        for event in &events {
            trace.report(event);
        }
        let text = trace.render(Vec::new());
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let names: Vec<&str> = document["traceEvents"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["ph"] == "X")
            .filter_map(|event| event["name"].as_str())
            .collect();
        for event in &events {
            if let Event::StepStarted { step } = &event.event {
                assert!(names.contains(&step.as_str()), "{step}");
            }
        }
        for part in ["evaluate", "read", "run ", "wait for the confirmation"] {
            assert!(
                names.iter().any(|name| name.starts_with(part)),
                "{part}: {names:?}"
            );
        }
    }
}
