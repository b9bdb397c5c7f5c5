//! What the live view shows: state and lines, without a terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::format::{DisplayTicking, Plural, width};
use super::line::Line;
use super::progress::Progress;
use super::steps::{Steps, built_name};
use super::style::Tone;
use super::words::interrupted_words;
use crate::apply::{Event, Stage, TimedEvent};
use crate::model::quoted;
use crate::plan::{StepId, StepKind};
use crate::schedule::Outcome;

const ROWS_MAX: usize = 8;
const LABEL_WIDTH_MAX: usize = 24;
const ELAPSED_WIDTH: usize = 6;

/// A step that runs.
struct Running {
    step: StepId,
    since: u64,
    stage: Option<(Stage, u64)>,
    printed: String,
}

impl Running {
    fn tone(&self) -> Tone {
        match self.stage {
            Some((Stage::RollingBack | Stage::Reconnecting, _)) => Tone::Change,
            _ => Tone::Plain,
        }
    }
}

/// What goes on now.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) steps: Steps,
    progress: Progress,
    running: Vec<Running>,
    ended: BTreeSet<StepId>,
    failed: BTreeSet<StepId>,
    started: Option<u64>,
    interrupted: Option<bool>,
}

impl Rows {
    /// Takes note of a fact.
    pub(super) fn note(&mut self, event: &TimedEvent) {
        self.steps.note(event);
        self.progress.note(&event.event);
        match &event.event {
            Event::RunStarted { .. } => self.started = Some(event.at),
            Event::StepStarted { step } => {
                self.running_step(step, event.at);
            }
            Event::StepStaged { step, stage } => {
                self.running_step(step, event.at).stage = Some((stage.clone(), event.at));
            }
            Event::StepPrinted { step, line } => {
                self.running_step(step, event.at).printed.clone_from(line);
            }
            Event::StepFinished { step, outcome, .. } => self.end(step, outcome),
            Event::Interrupted { abandoned } => self.interrupted = Some(*abandoned),
            Event::RunFinished { .. } => {
                self.running.clear();
                self.started = None;
            }
            _ => {}
        }
    }

    /// An activation that had ended runs again while the run takes it back.
    fn running_step(&mut self, step: &StepId, at: u64) -> &mut Running {
        let position = self
            .running
            .iter()
            .position(|running| &running.step == step);
        let position = position.unwrap_or_else(|| {
            self.running.push(Running {
                step: step.clone(),
                since: at,
                stage: None,
                printed: String::new(),
            });
            self.running.len() - 1
        });
        &mut self.running[position]
    }

    fn end(&mut self, step: &StepId, outcome: &Outcome) {
        self.running.retain(|running| &running.step != step);
        self.ended.insert(step.clone());
        if outcome.succeeded() || matches!(outcome, Outcome::Skipped { .. }) {
            self.failed.remove(step);
        } else {
            self.failed.insert(step.clone());
        }
    }

    /// Returns what is shown at `now`.
    pub(super) fn lines(&self, now: Duration) -> Vec<Line> {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        match self.started {
            None => self.planning(now).into_iter().collect(),
            Some(started) => self.run(started, now),
        }
    }

    fn planning(&self, now: u64) -> Option<Line> {
        let words = self.progress.words()?;
        let line = Line::default().column(Tone::Dim, ticking(0, now), ELAPSED_WIDTH);
        Some(line.put(Tone::Plain, words))
    }

    fn run(&self, started: u64, now: u64) -> Vec<Line> {
        let groups = self.groups();
        let labels = groups.iter().take(ROWS_MAX).map(|(label, _)| width(label));
        let columns = labels.max().unwrap_or(0).min(LABEL_WIDTH_MAX);
        let mut lines: Vec<Line> = groups
            .iter()
            .take(ROWS_MAX)
            .map(|(label, members)| self.row(label, members, columns, now))
            .collect();
        if groups.len() > ROWS_MAX {
            let more = format!("+{} more", groups.len() - ROWS_MAX);
            lines.push(Line::default().put(Tone::Dim, more));
        }
        lines.push(self.total(started, now));
        lines
    }

    /// Returns the steps that run by node, those that run longest first, so that rows stay.
    fn groups(&self) -> Vec<(String, Vec<&Running>)> {
        let mut groups: Vec<(String, Vec<&Running>)> = Vec::new();
        let mut positions = BTreeMap::new();
        for running in &self.running {
            let Some(label) = self.label(&running.step) else {
                continue;
            };
            let position = *positions.entry(label.clone()).or_insert_with(|| {
                groups.push((label, Vec::new()));
                groups.len() - 1
            });
            groups[position].1.push(running);
        }
        groups
    }

    fn label(&self, step: &StepId) -> Option<String> {
        match (self.steps.kind(step), self.steps.fact(step)) {
            (StepKind::Barrier, _) => None,
            (kind, fact) => Some(match fact.and_then(|fact| fact.node.as_ref()) {
                Some(node) => quoted(node.as_str()),
                None if kind == StepKind::Build => "build".to_owned(),
                None => step.to_string(),
            }),
        }
    }

    fn row(&self, label: &str, members: &[&Running], columns: usize, now: u64) -> Line {
        let line = Line::default().column(Tone::Strong, label, columns);
        let Some(newest) = members.last() else {
            return line;
        };
        let more = match members.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let elapsed = ticking(newest.since, now);
        line.put(Tone::Plain, "  ")
            .column(Tone::Dim, elapsed, ELAPSED_WIDTH)
            .put(newest.tone(), self.words(newest, now))
            .put(Tone::Plain, more)
            .next(Tone::Dim, newest.printed.trim())
    }

    fn words(&self, running: &Running, now: u64) -> String {
        let fact = self.steps.fact(&running.step);
        let profile = fact.and_then(|fact| fact.profile.as_ref());
        let profile = profile.map_or("", |profile| profile.as_str());
        match (self.steps.kind(&running.step), &running.stage) {
            (StepKind::Build, _) => format!("building {}", built_name(&running.step)),
            (StepKind::Copy, _) => "copying".to_owned(),
            (_, Some((Stage::Waiting { seconds }, since))) => {
                let left = seconds.saturating_sub(now.saturating_sub(*since) / 1000);
                format!("waiting for confirmation of {profile}, {left} s left")
            }
            (_, Some((Stage::Confirmed, _))) => format!("confirmed {profile}"),
            (_, Some((Stage::RollingBack, _))) => format!("rolling back {profile}"),
            (_, Some((Stage::Reconnecting, _))) => {
                format!("activating {profile}, connecting again")
            }
            _ => format!("activating {profile}"),
        }
    }

    fn total(&self, started: u64, now: u64) -> Line {
        let counted = self.steps.facts().iter();
        let counted = counted.filter(|fact| fact.kind != StepKind::Barrier);
        let (done, all) = counted.fold((0_u64, 0_u64), |(done, all), fact| {
            (done + u64::from(self.ended.contains(&fact.id)), all + 1)
        });
        let line = Line::default()
            .put(
                Tone::Dim,
                format!("{done} of {} ended", Plural(all, "step")),
            )
            .next(Tone::Dim, ticking(started, now));
        let line = match self.failed.len() {
            0 => line,
            failed => line.next(Tone::Bad, format!("{failed} failed")),
        };
        match self.interrupted {
            None => line,
            Some(abandoned) => line.next(Tone::Change, interrupted_words(abandoned)),
        }
    }
}

fn ticking(since: u64, now: u64) -> String {
    DisplayTicking(Duration::from_millis(now.saturating_sub(since))).to_string()
}
