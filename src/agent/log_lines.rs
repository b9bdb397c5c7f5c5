//! What an activation printed, as `Output` messages.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::protocol::AgentMessage;

/// A line longer than this is handed over in pieces.
const LINE_MAX: usize = 64 << 10;
/// How much is read at once.
const CHUNK: u64 = 256 << 10;
/// More than this does not hold up a message that comes after it: over a slow connection an
/// activation would go back before anybody heard that it waits.
const BACKLOG_MAX: u64 = 1 << 20;
/// What is still handed over of a longer backlog.
const BACKLOG_KEPT: u64 = 128 << 10;

/// Reads a log that grows.
#[derive(Debug)]
pub(super) struct LogLines {
    path: PathBuf,
    file: Option<File>,
    position: u64,
    line: Vec<u8>,
}

impl LogLines {
    /// Begins before the first line of the log at `path`, which need not be there yet.
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            position: 0,
            line: Vec::new(),
        }
    }

    /// Returns how long the log is.
    pub(super) fn length(&mut self) -> u64 {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let metadata = self.file.as_ref().and_then(|file| file.metadata().ok());
        metadata.map_or(0, |metadata| metadata.len())
    }

    /// Hands over the next piece before `end`; returns whether there was any.
    pub(super) fn step(
        &mut self,
        end: u64,
        sink: &mut impl FnMut(AgentMessage) -> io::Result<()>,
    ) -> io::Result<bool> {
        let length = self
            .length()
            .min(end)
            .saturating_sub(self.position)
            .min(CHUNK);
        let Some(file) = self.file.as_ref().filter(|_| length > 0) else {
            return Ok(false);
        };
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        let count = file.read_at(&mut bytes, self.position)?;
        self.position += count as u64;
        self.split(&bytes[..count], sink)?;
        Ok(count > 0)
    }

    /// Hands over everything before `end`, or the last of it where that is a lot.
    pub(super) fn finish(
        &mut self,
        end: u64,
        sink: &mut impl FnMut(AgentMessage) -> io::Result<()>,
    ) -> io::Result<()> {
        let backlog = end.saturating_sub(self.position);
        if backlog > BACKLOG_MAX {
            self.flush(sink)?;
            let skipped = backlog - BACKLOG_KEPT;
            self.position += skipped;
            let text = format!(
                "[{skipped} bytes of output left out; all of it is in {} on the node]",
                self.path.display()
            );
            sink(AgentMessage::Output { text })?;
        }
        while self.step(end, sink)? {}
        self.flush(sink)
    }

    fn split(
        &mut self,
        bytes: &[u8],
        sink: &mut impl FnMut(AgentMessage) -> io::Result<()>,
    ) -> io::Result<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            let mut text = text;
            while self.line.len() + text.len() > LINE_MAX {
                let (now, later) = text.split_at(LINE_MAX - self.line.len());
                self.line.extend_from_slice(now);
                self.flush(sink)?;
                text = later;
            }
            self.line.extend_from_slice(text);
            if is_whole {
                self.hand_over(sink)?;
            }
        }
        Ok(())
    }

    /// Hands over a line that has no end yet.
    fn flush(&mut self, sink: &mut impl FnMut(AgentMessage) -> io::Result<()>) -> io::Result<()> {
        if self.line.is_empty() {
            return Ok(());
        }
        self.hand_over(sink)
    }

    fn hand_over(
        &mut self,
        sink: &mut impl FnMut(AgentMessage) -> io::Result<()>,
    ) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.strip_suffix('\r').unwrap_or(&text).to_owned();
        self.line.clear();
        sink(AgentMessage::Output { text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn texts(content: &[u8], end: u64) -> Vec<String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let mut found = Vec::new();
        let mut sink = |message| {
            let AgentMessage::Output { text } = message else {
                panic!()
            };
            found.push(text);
            Ok(())
        };
        LogLines::of(file.path()).finish(end, &mut sink).unwrap();
        found
    }

    #[test]
    fn lines_and_an_unfinished_one() {
        assert_eq!(texts(b"a\n\nb\r\nc", 9), ["a", "", "b", "c"]);
        assert_eq!(texts(b"a\nb\n", 2), ["a"]);
        assert!(texts(b"", 5).is_empty());
    }

    #[test]
    fn anything_can_be_printed() {
        assert_eq!(texts(b"\xff\x1b[0m\n", 9), ["\u{fffd}\u{1b}[0m"]);
        let long = "x".repeat(LINE_MAX * 2 + 5);
        let pieces = texts(format!("{long}\ny\n").as_bytes(), 200_000);
        let lengths: Vec<_> = pieces.iter().map(String::len).collect();
        assert_eq!(lengths, [LINE_MAX, LINE_MAX, 5, 1]);
    }

    #[test]
    fn a_long_backlog_is_cut_and_said_to_be() {
        let content = "0123456789\n".repeat(300_000);
        let lines = texts(content.as_bytes(), content.len() as u64);
        assert!(
            lines[0].contains("left out") && lines[0].contains("on the node"),
            "{}",
            lines[0]
        );
        assert!(lines.len() < 20_000);
        assert_eq!(lines[lines.len() - 1], "0123456789");
    }
}
