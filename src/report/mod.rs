//! Events and plans for people and machines.
//!
//! [`Reporter`]s consume [`TimedEvent`](crate::apply::TimedEvent)s and never steer anything:
//! [`Live`] for a terminal, [`Plain`] for a log, [`JsonLines`] for programs and for the run's own
//! record ([`RunLog`]). [`RunSummary`] collects them for the table at the end,
//! and [`Trace`] for a picture of where the time went. [`PlanText`] renders
//! a plan. Which of them are used is decided once, by [`Display::resolve`].
//!
//! All text is made of lines of toned spans: control characters of others are escaped and lines
//! are cut when such a line is made and drawn, in one place each.

mod closing;
mod failure;
mod files;
mod files_markdown;
mod findings;
mod fleet;
mod format;
mod graph;
mod json;
mod line;
mod live;
mod markdown;
mod mode;
mod outcome;
mod packages;
mod plain;
mod plan;
mod progress;
mod reporter;
mod rows;
mod sentence;
mod status;
mod steps;
mod style;
mod summary;
mod trace;
mod trace_layout;
mod units;
mod words;

#[cfg(test)]
pub(crate) mod fixtures;

pub use findings::findings_text;
pub use format::{DisplayElapsed, DisplaySize, Plural, escape_control};
pub use graph::{dot, mermaid};
pub use json::{JsonLines, RunLog};
pub use live::{Canvas, Live};
pub use markdown::{MARKDOWN_MARKER, markdown};
pub use mode::{Display, Mode, Requested, Surroundings, Verbosity};
pub use plain::Plain;
pub use plan::PlanText;
pub use reporter::{Reporter, Reporters};
pub use status::StatusText;
pub use summary::RunSummary;
pub use trace::Trace;
pub use trace_layout::{TraceGroup, TraceSpan, render_trace};
