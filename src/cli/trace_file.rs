//! The file that `--trace` asks for.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::error::CliError;
use crate::process::{Span, SpanKind, record_spans, take_spans};
use crate::report::{Trace, TraceGroup, TraceSpan};

/// A trace that is being recorded.
pub(super) struct TraceFile {
    path: PathBuf,
    file: File,
    events: Arc<Mutex<Trace>>,
}

impl TraceFile {
    /// Begins to record. A file that cannot be made is told before anything is done.
    pub(super) fn create(path: &Path) -> Result<Self, CliError> {
        let file = File::create(path);
        let file = file.map_err(|source| CliError::io("could not save the trace", path, source))?;
        record_spans();
        Ok(Self {
            path: path.to_owned(),
            file,
            events: Arc::default(),
        })
    }

    /// Returns the reporter that hears what the run does.
    pub(super) fn events(&self) -> Arc<Mutex<Trace>> {
        Arc::clone(&self.events)
    }

    /// Writes what was recorded since `start`.
    pub(super) fn write(mut self, start: Instant) -> Result<(), CliError> {
        let spans = take_spans().into_iter();
        let spans = spans.map(|span| trace_span(span, start)).collect();
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let text = events.render(spans);
        self.file
            .write_all(text.as_bytes())
            .map_err(|source| CliError::io("could not save the trace", &self.path, source))
    }
}

fn trace_span(span: Span, start: Instant) -> TraceSpan {
    TraceSpan {
        group: match span.kind {
            SpanKind::Child => TraceGroup::Programs,
            SpanKind::Connection => TraceGroup::Connections,
            SpanKind::Remote => TraceGroup::Remote,
        },
        track: span.track,
        name: span.name,
        detail: span.detail,
        begun: span.begun.saturating_duration_since(start),
        ended: span.ended.saturating_duration_since(start),
    }
}
