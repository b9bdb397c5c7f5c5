//! What went wrong with one step or node, in full.

use super::line::{Line, message_lines};
use super::outcome::{message, state_left};
use super::steps::{Steps, node_label};
use super::style::{Mark, Tone, UNREADABLE, outcome_mark};
use super::summary::Ended;
use crate::apply::StepFact;
use crate::model::NodeName;
use crate::plan::{StepId, StepKind};
use crate::schedule::Outcome;

const INDENT: usize = 4;

/// Something that went wrong.
pub(super) struct Failure<'a> {
    subject: Subject<'a>,
    mark: Mark,
    error: Option<&'a str>,
    ended: Option<&'a Ended>,
}

enum Subject<'a> {
    Step(&'a StepId, &'a StepFact),
    Node(&'a NodeName),
}

impl<'a> Failure<'a> {
    /// Returns how a step ended.
    pub(super) fn of_step(step: &'a StepId, fact: &'a StepFact, ended: &'a Ended) -> Self {
        Self {
            subject: Subject::Step(step, fact),
            mark: outcome_mark(&ended.outcome, fact.kind),
            error: message(&ended.outcome),
            ended: Some(ended),
        }
    }

    /// Returns what kept a node from taking part.
    pub(super) fn of_node(node: &'a NodeName, mark: Mark, ended: &'a Ended) -> Self {
        Self {
            subject: Subject::Node(node),
            mark,
            error: message(&ended.outcome),
            ended: Some(ended),
        }
    }

    /// Returns why a node could not be read.
    pub(super) fn of_unread(node: &'a NodeName, error: &'a str) -> Self {
        Self {
            subject: Subject::Node(node),
            mark: UNREADABLE,
            error: Some(error),
            ended: None,
        }
    }

    /// Skipped steps are no errors, and what was cancelled before it began is in the table.
    pub(super) fn is_worth_telling(&self) -> bool {
        match self.ended {
            None => true,
            Some(ended) => match ended.outcome {
                Outcome::Done { .. }
                | Outcome::Prepared { .. }
                | Outcome::DryActivated { .. }
                | Outcome::NoDryActivation
                | Outcome::Unchanged
                | Outcome::Skipped { .. } => false,
                Outcome::Cancelled { .. } => ended.took.is_some(),
                _ => true,
            },
        }
    }

    /// Returns the lines that tell it.
    pub(super) fn lines(&self, steps: &Steps, columns: usize) -> Vec<Line> {
        let subject = match self.subject {
            Subject::Step(step, fact) if fact.kind == StepKind::Build => steps.built(step),
            Subject::Step(step, _) => steps.subject(step),
            Subject::Node(node) => node_label(Some(node)),
        };
        let heading = Line::default()
            .symbol(self.mark)
            .put(Tone::Strong, subject)
            .next(self.mark.tone, self.mark.word);
        let mut lines = vec![heading];
        for line in self.error.unwrap_or_default().lines() {
            lines.extend(message_lines(INDENT, Tone::Plain, line.trim_end(), columns));
        }
        if let Some(ended) = self.ended {
            lines.extend(self.ended_lines(ended, columns));
        }
        lines
    }

    fn ended_lines(&self, ended: &Ended, columns: usize) -> Vec<Line> {
        let printed = ended.tail.iter().map(|line| {
            Line::indented(INDENT)
                .put(Tone::Dim, "| ")
                .put(Tone::Plain, line.trim_end())
                .whole()
        });
        let mut lines: Vec<Line> = printed.collect();
        if let Some(log) = &ended.log {
            let log = format!("full output: {log}");
            lines.push(Line::indented(INDENT).put(Tone::Dim, log).whole());
        }
        let state = match self.subject {
            Subject::Step(_, fact) => state_left(fact, &ended.outcome),
            Subject::Node(node) => Some(format!("nothing was activated on {node}")),
        };
        if let Some(state) = state {
            let state = format!("state: {state}");
            lines.extend(message_lines(INDENT, Tone::Plain, &state, columns));
        }
        lines
    }
}
