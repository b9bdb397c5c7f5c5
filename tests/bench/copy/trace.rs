//! What a trace of `deploy` says of its run.

use std::time::Duration;

use serde_json::Value;

/// The groups of a trace that have calls in them: programs here, and commands on nodes.
const PROGRAMS: u64 = 2;
const REMOTE: u64 = 4;

/// Something that `deploy` did, counted from its start.
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) begun: Duration,
    pub(crate) ended: Duration,
    group: u64,
}

impl Span {
    /// Reads all of a trace.
    pub(crate) fn all(trace: &str) -> Vec<Self> {
        let trace: Value = serde_json::from_str(trace).expect("a trace");
        let events = trace["traceEvents"].as_array().expect("events");
        let time = |event: &Value, name: &str| event[name].as_u64().map(Duration::from_micros);
        let span = |event: &Value| {
            let begun = time(event, "ts")?;
            Some(Self {
                name: event["name"].as_str()?.to_owned(),
                begun,
                ended: begun + time(event, "dur")?,
                group: event["pid"].as_u64()?,
            })
        };
        events.iter().filter_map(span).collect()
    }

    pub(crate) fn is_login(&self) -> bool {
        self.group == PROGRAMS && self.name.starts_with("log in")
    }

    /// Returns what it is called on whatever node, if it talks with one.
    pub(crate) fn stage(&self) -> Option<&str> {
        let copies = self.group == PROGRAMS && self.name.starts_with("nix copy");
        if copies {
            return Some("nix copy");
        }
        let talks = self.is_login() || self.group == REMOTE;
        let name = self.name.split(" to root@").next();
        name.filter(|_| talks)
    }
}
