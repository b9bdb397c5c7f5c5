//! The full output of a step, in a file of the run's folder.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::event::Event;
use super::sink::EventSink;
use crate::plan::StepId;
use crate::process::Tail;

const NAME_MAX: usize = 200;

/// Keeps everything that a step prints, and reports it line by line.
#[derive(Debug)]
pub(super) struct StepLog {
    step: StepId,
    sink: EventSink,
    path: PathBuf,
    file: Option<File>,
    tail: Tail,
}

impl StepLog {
    /// Returns the log of a step; its file is made with the first line.
    pub(super) fn new(step: &StepId, folder: &Path, sink: &EventSink) -> Self {
        let mut name: String = step.as_str().chars().map(plain_or_number).collect();
        // Names of nodes have no limit, those of files do.
        name.truncate(NAME_MAX);
        Self {
            step: step.clone(),
            sink: sink.clone(),
            path: folder.join(format!("{name}.log")),
            file: None,
            tail: Tail::default(),
        }
    }

    /// Keeps and reports a line.
    pub(super) fn line(&mut self, line: &str) {
        self.tail.push(line);
        if self.file.is_none() {
            self.file = File::options()
                .create(true)
                .append(true)
                .open(&self.path)
                .ok();
        }
        if let Some(file) = &mut self.file {
            // A full disk here must not stop what happens on the node.
            writeln!(file, "{line}").ok();
        }
        self.sink.send(Event::StepPrinted {
            step: self.step.clone(),
            line: line.to_owned(),
        });
    }

    /// Returns the last lines.
    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.lines().map(ToOwned::to_owned).collect()
    }

    /// Returns where the file lies, if there is one.
    pub(super) fn path(&self) -> Option<String> {
        self.file.as_ref().map(|_| self.path.display().to_string())
    }
}

/// Another number for every letter that a file name had better not have, so that no two steps
/// share a file.
fn plain_or_number(letter: char) -> String {
    if letter.is_ascii_alphanumeric() || "-_.".contains(letter) {
        letter.to_string()
    } else {
        format!("%{:02x}", u32::from(letter))
    }
}
