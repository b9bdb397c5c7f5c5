//! The only place that starts children.
//!
//! A child of [`run()`] has its own process group, which is ended when its time limit passes or when
//! the future that waits for it is dropped, so that nothing is left behind. A child of
//! [`spawn_detached`] is meant to outlive its parent. What took time is told to whoever asked
//! for it beforehand ([`record_spans`]). Knows neither Nix nor ssh.

mod answers;
mod detached;
mod group;
mod invocation;
mod run;
mod span;
mod tail;

pub use answers::{Answered, Answers, Input, converse};
pub use detached::{Detached, spawn_detached};
pub use group::ProcessGroup;
pub use invocation::Invocation;
pub use run::{Finished, ProcessError, run, run_answering, run_lines, run_with};
pub use span::{OpenSpan, Span, SpanKind, record_spans, take_spans};
pub use tail::Tail;
