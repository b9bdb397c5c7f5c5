//! What there is to say about a fact, for those who read along: the live view's permanent lines
//! and the plain lines say the same.

use super::format::{DisplayElapsed, Plural};
use super::outcome::{generations, message, skipped_since};
use super::steps::{Steps, built_name, node_label};
use super::style::{Mark, Tone, UNREADABLE, outcome_mark};
use crate::apply::{Event, Stage, TimedEvent};
use crate::plan::{StepId, StepKind};
use crate::schedule::Outcome;

/// Something said about a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) subject: String,
    pub(super) symbol: &'static str,
    pub(super) tone: Tone,
    pub(super) text: String,
}

impl Said {
    fn new(subject: impl Into<String>, mark: Mark, text: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            symbol: mark.symbol,
            tone: mark.tone,
            text: text.into(),
        }
    }

    /// Returns something said without a verdict.
    pub(super) fn neutral(subject: impl Into<String>, text: impl Into<String>) -> Self {
        let mark = Mark {
            symbol: "·",
            word: "",
            tone: Tone::Dim,
        };
        Self::new(subject, mark, text)
    }
}

/// Returns what is worth keeping on the screen, whoever looks: ends, and what went wrong.
pub(super) fn lasting(steps: &Steps, event: &TimedEvent) -> Option<Said> {
    match &event.event {
        Event::ObservationFinished {
            node,
            error: Some(error),
        } => Some(Said::new(
            node_label(Some(node)),
            UNREADABLE,
            format!("{}: {error}", UNREADABLE.word),
        )),
        Event::BuildFinished { failed } if *failed > 0 => Some(Said::new(
            "build",
            outcome_mark(&failure(), StepKind::Build),
            format!("{} failed", Plural(*failed, "derivation")),
        )),
        Event::Noted { node, message } => {
            Some(Said::neutral(node_label(node.as_ref()), message.as_str()))
        }
        Event::StepStaged {
            step,
            stage: Stage::Recovered { detail },
        } => Some(Said::neutral(steps.subject(step), detail.as_str())),
        Event::StepFinished { step, outcome, .. } => finished(steps, step, outcome, event.at),
        Event::Interrupted { abandoned } => {
            Some(Said::neutral("deploy", interrupted_words(*abandoned)))
        }
        _ => None,
    }
}

fn failure() -> Outcome {
    let message = String::new();
    Outcome::Failed { message }
}

/// Returns what an interruption means.
pub(super) fn interrupted_words(abandoned: bool) -> &'static str {
    if abandoned {
        "interrupted again: not waiting for what runs"
    } else {
        "interrupted: starting nothing new, waiting for what runs"
    }
}

/// A skipped activation is said like any end, but the barrier is nobody's concern.
fn finished(steps: &Steps, step: &StepId, outcome: &Outcome, at: u64) -> Option<Said> {
    let kind = steps.kind(step);
    if kind == StepKind::Barrier {
        return None;
    }
    let mark = outcome_mark(outcome, kind);
    let mut text = match kind {
        StepKind::Build => format!("{} {}", mark.word, built_name(step)),
        _ => mark.word.to_owned(),
    };
    if let Some(fact) = steps.fact(step) {
        let generations = generations(fact, outcome);
        if !generations.is_empty() {
            text = format!("{text}, {generations}");
        }
    }
    if let Some(took) = steps.took(step, at) {
        text = format!("{text} ({})", DisplayElapsed(took));
    }
    if let Outcome::Skipped { cause } = outcome {
        text = format!("{text}: {}", skipped_since(steps, cause));
    }
    if let Some(message) = message(outcome) {
        text = format!("{text}: {message}");
    }
    Some(Said::new(steps.subject(step), mark, text))
}
