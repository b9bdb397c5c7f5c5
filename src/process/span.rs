//! What took time: children, connections and what went over them, for whoever wants to see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// One recording per process, like its children.
static IS_RECORDING: AtomicBool = AtomicBool::new(false);
static RECORDED: Mutex<Vec<Span>> = Mutex::new(Vec::new());

/// What a span is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpanKind {
    /// A child of this process.
    Child,
    /// A connection, from its login to its end.
    Connection,
    /// A command on the other side of a connection.
    Remote,
}

/// Something that began and ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What it is of.
    pub kind: SpanKind,
    /// What it belongs to: a program, or the other side.
    pub track: String,
    /// What it is called.
    pub name: String,
    /// Its whole command line.
    pub detail: String,
    /// When it began.
    pub begun: Instant,
    /// When it ended.
    pub ended: Instant,
}

/// Begins to record spans.
pub fn record_spans() {
    IS_RECORDING.store(true, Ordering::Relaxed);
}

/// Returns what was recorded so far, and forgets it.
pub fn take_spans() -> Vec<Span> {
    std::mem::take(&mut *RECORDED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A span that has not ended yet: it does when this is dropped.
#[derive(Debug)]
pub struct OpenSpan(Option<Span>);

impl OpenSpan {
    /// Begins a span; `describe` gives track, name and command line, and is asked only where spans
    /// are recorded.
    pub fn begin(kind: SpanKind, describe: impl FnOnce() -> (String, String, String)) -> Self {
        if !IS_RECORDING.load(Ordering::Relaxed) {
            return Self(None);
        }
        let (track, name, detail) = describe();
        let begun = Instant::now();
        Self(Some(Span {
            kind,
            track,
            name,
            detail,
            begun,
            ended: begun,
        }))
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        if let Some(mut span) = self.0.take() {
            span.ended = Instant::now();
            let mut recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
            recorded.push(span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Invocation, run};

    #[tokio::test]
    async fn a_child_is_a_span_from_beginning_to_end() {
        record_spans();
        let invocation = Invocation::new("/bin/sh")
            .args(["-c", "sleep 0.05 # span"])
            .titled("a nap");
        run(&invocation).await.unwrap();
        let spans = take_spans();
        let span = spans.iter().find(|span| span.name == "a nap").unwrap();
        assert_eq!((span.kind, span.track.as_str()), (SpanKind::Child, "sh"));
        assert_eq!(span.detail, "/bin/sh -c sleep 0.05 # span");
        assert!(span.ended - span.begun >= std::time::Duration::from_millis(50));
    }
}
