//! Where deploy-rs's client hears of a run: its own terminal, and a file if it asked for one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::said::sentence;
use crate::agent::clock::seconds_since_epoch;
use crate::agent::error::AgentError;
use crate::agent::listener::Listener;
use crate::protocol::{ActivationResult, AgentMessage};

/// What is said, and how the run ended.
#[derive(Debug)]
pub(super) struct Log {
    in_detail: bool,
    file: Option<File>,
    /// How the run ended, once it has.
    pub(super) result: Option<ActivationResult>,
}

impl Log {
    /// Returns the log of a command, which is written into a file in `folder`, too.
    pub(super) fn open(
        command: &str,
        in_detail: bool,
        folder: Option<&Path>,
    ) -> Result<Self, AgentError> {
        let file = folder.map(|folder| open(folder, command)).transpose()?;
        Ok(Self {
            in_detail,
            file,
            result: None,
        })
    }

    /// Says a sentence.
    pub(super) fn say(&self, text: &str) -> io::Result<()> {
        let line = format!("activate-rs: {text}\n");
        self.keep(&line);
        io::stderr().write_all(line.as_bytes())
    }

    /// Hands on a line that an activation has printed.
    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        let line = format!("{text}\n");
        self.keep(&line);
        io::stdout().write_all(line.as_bytes())
    }

    /// A full disk is no reason to stop.
    fn keep(&self, line: &str) {
        if let Some(mut file) = self.file.as_ref() {
            file.write_all(line.as_bytes()).ok();
        }
    }
}

impl Listener for Log {
    fn hear(&mut self, message: &AgentMessage) -> io::Result<()> {
        match message {
            AgentMessage::Output { text } => return self.print(text),
            AgentMessage::Result { result } => self.result = Some(result.clone()),
            _ => {}
        }
        match sentence(message, self.in_detail) {
            Some(text) => self.say(&text),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn open(folder: &Path, command: &str) -> Result<File, AgentError> {
    fs::create_dir_all(folder).map_err(AgentError::file("create the folder", folder))?;
    let name = format!("activate-rs-{command}-{}.log", seconds_since_epoch());
    let path = folder.join(name);
    let flags = rustix::fs::OFlags::NOFOLLOW;
    OpenOptions::new()
        .append(true)
        .create(true)
        .custom_flags(flags.bits().cast_signed())
        .open(&path)
        .map_err(AgentError::file("open the log", &path))
}
