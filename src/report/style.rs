//! Symbols, words and colours: the only place that has them.
//!
//! Every mark has a word, so that nothing is lost without colours.

use anstyle::{AnsiColor, Style};

use crate::plan::{Action, StepKind};
use crate::schedule::Outcome;

/// What a piece of text means, from which its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing in particular.
    Plain,
    /// What a block is about.
    Strong,
    /// Secondary.
    Dim,
    /// Done, or new.
    Good,
    /// Changes, or needs a look.
    Change,
    /// Failed.
    Bad,
}

impl Tone {
    pub(super) fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Change => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
        }
    }
}

/// A symbol, the word that says the same, and their tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) symbol: &'static str,
    pub(super) word: &'static str,
    pub(super) tone: Tone,
}

impl Mark {
    const fn new(symbol: &'static str, word: &'static str, tone: Tone) -> Self {
        Self { symbol, word, tone }
    }
}

/// A node that could not be reached.
pub(super) const UNREACHABLE: Mark = Mark::new("!", "unreachable", Tone::Bad);

/// A node that was reached, but could not be read.
pub(super) const UNREADABLE: Mark = Mark::new("!", "could not be read", Tone::Bad);

/// Returns the mark of what a plan does with a profile.
pub(super) const fn action_mark(action: Action) -> Mark {
    match action {
        Action::Create => Mark::new("+", "create", Tone::Good),
        Action::Update => Mark::new("~", "update", Tone::Change),
        Action::Unchanged => Mark::new("=", "unchanged", Tone::Dim),
        Action::Reactivate => Mark::new("↻", "reactivate", Tone::Change),
        Action::RollBack => Mark::new("<", "roll back", Tone::Change),
        Action::Unknown => Mark::new("!", "unknown", Tone::Bad),
    }
}

/// Returns the mark of how a step ended.
pub(super) const fn outcome_mark(outcome: &Outcome, kind: StepKind) -> Mark {
    match outcome {
        Outcome::Done { .. } => Mark::new("✓", done_word(kind), Tone::Good),
        Outcome::Prepared { .. } => Mark::new("✓", "prepared for the next boot", Tone::Good),
        Outcome::DryActivated { .. } => Mark::new("✓", "activated dry", Tone::Good),
        Outcome::NoDryActivation => Mark::new("-", "without a dry activation", Tone::Dim),
        Outcome::Unchanged => Mark::new("=", unchanged_word(kind), Tone::Dim),
        Outcome::Failed { .. } => Mark::new("✗", failed_word(kind), Tone::Bad),
        Outcome::Broken { .. } => Mark::new("✗", "not rolled back", Tone::Bad),
        Outcome::RolledBack { .. } => Mark::new("<", "rolled back", Tone::Bad),
        Outcome::Degraded { .. } => Mark::new("!", "degraded", Tone::Change),
        Outcome::NeedsReboot { .. } => Mark::new("!", "needs a reboot", Tone::Change),
        Outcome::Skipped { .. } => Mark::new("-", "skipped", Tone::Dim),
        Outcome::Unreachable { .. } => UNREACHABLE,
        Outcome::Stale { .. } => Mark::new("!", "refused (stale)", Tone::Change),
        Outcome::Locked { .. } => Mark::new("!", "refused (locked)", Tone::Change),
        Outcome::Cancelled { .. } => Mark::new("-", "cancelled", Tone::Change),
    }
}

const fn failed_word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Copy => "copy failed",
        StepKind::Build | StepKind::Barrier | StepKind::Activate => "failed",
    }
}

const fn unchanged_word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Build => "built before",
        StepKind::Copy | StepKind::Barrier | StepKind::Activate => "at its target",
    }
}

const fn done_word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Build => "built",
        StepKind::Copy => "copied",
        StepKind::Barrier => "passed",
        StepKind::Activate => "activated",
    }
}
