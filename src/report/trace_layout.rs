//! Spans as a document in the format of Chrome's traces, which Perfetto and others read, too.
//!
//! Spans of one row must not overlap there, so that each track has as many rows as it needs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

/// What a span belongs to; drawn in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceGroup {
    /// What the run does, by node.
    Steps,
    /// Children of this process, by program.
    Programs,
    /// Connections, by node.
    Connections,
    /// Commands on nodes.
    Remote,
}

/// Something that began and ended, counted from the command's start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSpan {
    /// What it belongs to.
    pub group: TraceGroup,
    /// Its row, or rows.
    pub track: String,
    /// What it is called.
    pub name: String,
    /// More of it, where there is more.
    pub detail: String,
    /// When it began.
    pub begun: Duration,
    /// When it ended.
    pub ended: Duration,
}

impl TraceGroup {
    fn number(self) -> u8 {
        match self {
            Self::Steps => 1,
            Self::Programs => 2,
            Self::Connections => 3,
            Self::Remote => 4,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Programs => "programs",
            Self::Connections => "connections",
            Self::Remote => "commands on nodes",
        }
    }
}

/// Returns the document, one line per span.
pub fn render_trace(mut spans: Vec<TraceSpan>) -> String {
    spans.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut rows = Rows::default();
    let mut lines = Vec::new();
    for span in &spans {
        let number = rows.place(span, &mut lines);
        lines.push(bar(span, number));
    }
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    format!(
        "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n",
        lines.join(",\n")
    )
}

fn key(span: &TraceSpan) -> (TraceGroup, &str, Duration, std::cmp::Reverse<Duration>) {
    let ended = std::cmp::Reverse(span.ended);
    (span.group, &span.track, span.begun, ended)
}

fn bar(span: &TraceSpan, row: usize) -> Value {
    let mut bar = json!({
        "ph": "X",
        "name": span.name,
        "pid": span.group.number(),
        "tid": row,
        "ts": microseconds(span.begun),
        "dur": microseconds(span.ended.saturating_sub(span.begun)),
    });
    if !span.detail.is_empty() {
        bar["args"] = json!({ "command": span.detail });
    }
    bar
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The rows of the drawing, with the end of what was last put into each.
#[derive(Default)]
struct Rows {
    tracks: BTreeMap<(TraceGroup, String), Vec<(usize, Duration)>>,
    groups: Vec<TraceGroup>,
    count: usize,
}

impl Rows {
    /// Returns the number of a row in which the span overlaps nothing; names new rows in `lines`.
    fn place(&mut self, span: &TraceSpan, lines: &mut Vec<Value>) -> usize {
        if !self.groups.contains(&span.group) {
            self.groups.push(span.group);
            lines.push(named("process_name", span.group, 0, span.group.title()));
        }
        let track = (span.group, span.track.clone());
        let rows = self.tracks.entry(track).or_default();
        if let Some((number, end)) = rows.iter_mut().find(|(_, end)| *end <= span.begun) {
            *end = span.ended;
            return *number;
        }
        self.count += 1;
        rows.push((self.count, span.ended));
        lines.push(named("thread_name", span.group, self.count, &span.track));
        self.count
    }
}

fn named(what: &str, group: TraceGroup, row: usize, name: &str) -> Value {
    json!({ "ph": "M", "name": what, "pid": group.number(), "tid": row, "args": { "name": name } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(track: &str, begun: u64, ended: u64) -> TraceSpan {
        TraceSpan {
            group: TraceGroup::Programs,
            track: track.to_owned(),
            name: "nix copy".to_owned(),
            detail: "nix copy --to \"x\"".to_owned(),
            begun: Duration::from_millis(begun),
            ended: Duration::from_millis(ended),
        }
    }

    #[test]
    fn what_overlaps_gets_rows_of_its_own() {
        let spans = vec![span("nix", 5, 9), span("nix", 0, 6), span("nix", 6, 8)];
        insta::assert_snapshot!(render_trace(spans), @r#"
        {"displayTimeUnit":"ms","traceEvents":[
        {"args":{"name":"programs"},"name":"process_name","ph":"M","pid":2,"tid":0},
        {"args":{"name":"nix"},"name":"thread_name","ph":"M","pid":2,"tid":1},
        {"args":{"command":"nix copy --to \"x\""},"dur":6000,"name":"nix copy","ph":"X","pid":2,"tid":1,"ts":0},
        {"args":{"name":"nix"},"name":"thread_name","ph":"M","pid":2,"tid":2},
        {"args":{"command":"nix copy --to \"x\""},"dur":4000,"name":"nix copy","ph":"X","pid":2,"tid":2,"ts":5000},
        {"args":{"command":"nix copy --to \"x\""},"dur":2000,"name":"nix copy","ph":"X","pid":2,"tid":1,"ts":6000}
        ]}
        "#);
    }
}
