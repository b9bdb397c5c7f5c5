//! Facts for programs: one JSON document per line.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::Reporter;
use crate::apply::TimedEvent;

/// Writes each fact as one line of JSON, at once.
pub struct JsonLines {
    writer: Box<dyn Write + Send>,
    error: Option<io::Error>,
}

/// The record of a run (`events.jsonl`): the lines of `--json`, in a file of the run's folder.
pub type RunLog = JsonLines;

impl JsonLines {
    /// Returns a reporter that writes to `writer`.
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        let error = None;
        Self { writer, error }
    }

    /// Returns what went wrong with writing, after which nothing more was written.
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    fn write(&mut self, event: &TimedEvent) -> io::Result<()> {
        let mut line = escaped(&serde_json::to_string(event)?);
        line.push('\n');
        self.writer.write_all(line.as_bytes())?;
        self.writer.flush()
    }
}

impl Reporter for JsonLines {
    fn report(&mut self, event: &TimedEvent) {
        if self.error.is_none() {
            self.error = self.write(event).err();
        }
    }

    fn finish(&mut self) {}
}

/// JSON requires escapes only below U+0020, but terminals obey U+0080 to U+009F too.
fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_control() {
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::Event;
    use crate::report::fixtures::{self, Sink};

    #[test]
    fn each_fact_is_a_line_that_reads_back() {
        let sink = Sink::default();
        let mut json = JsonLines::new(Box::new(sink.clone()));
        let mut events = fixtures::run();
        events.push(TimedEvent {
            at: 99_000,
            event: Event::Noted {
                node: None,
                message: "line\nnext \u{1b}[31m \u{9b}31m \u{7f}".to_owned(),
            },
        });
        for event in &events {
            json.report(event);
        }
        json.finish();
        assert!(json.error().is_none());
        let text = sink.text();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        let read: Vec<TimedEvent> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(read, events);
    }

    #[test]
    fn a_line_is_as_documented() {
        let sink = Sink::default();
        let mut json = JsonLines::new(Box::new(sink.clone()));
        json.report(&fixtures::run()[1]);
        insta::assert_snapshot!(sink.text(), @r#"{"at":1000,"event":"step_started","step":"build:00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-nginx-1.27.0.drv"}"#);
    }

    #[test]
    fn a_closed_pipe_ends_the_writing_only() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut json = JsonLines::new(Box::new(Closed));
        for event in fixtures::run() {
            json.report(&event);
        }
        assert_eq!(
            json.error().map(io::Error::kind),
            Some(io::ErrorKind::BrokenPipe)
        );
    }
}
