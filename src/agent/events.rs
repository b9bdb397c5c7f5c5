//! The messages of one run, written by its supervisor and read by whoever follows it.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::error::AgentError;
use super::folder::{Folder, RunFiles, append};
use super::reserve;
use crate::protocol::{ActivationResult, AgentMessage, PROTOCOL_VERSION, to_line};

/// A follower holds the lock for an instant when it looks whether anybody does.
const CLAIM_WAIT: Duration = Duration::from_secs(1);

/// One line of an events file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// How long the log was: what the activation printed before comes before this message.
    pub(super) log: u64,
    /// The message.
    pub(super) message: AgentMessage,
}

/// The events and the log of the run that this process works on. The lock on the events file says
/// that their writer lives; it goes with the process.
#[derive(Debug)]
pub(super) struct Events {
    file: File,
    log: File,
    folder: Folder,
}

impl Events {
    /// Takes over a run's files, unless another process works on the run or has done so.
    pub(super) async fn claim(
        folder: &Folder,
        files: &RunFiles,
    ) -> Result<Option<Self>, AgentError> {
        let file = append(&files.events, 0o600)
            .map_err(AgentError::file("open the events", &files.events))?;
        let log =
            append(&files.log, 0o644).map_err(AgentError::file("open the log", &files.log))?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begin.elapsed() < CLAIM_WAIT => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(_) => return Ok(None),
            }
        }
        let unused = file.metadata().is_ok_and(|metadata| metadata.len() == 0);
        let folder = folder.clone();
        Ok(unused.then_some(Self { file, log, folder }))
    }

    /// Writes the first message.
    ///
    /// # Errors
    /// Where nothing can be written, so that nobody could hear of what comes.
    pub(super) fn hello(&self, files: &RunFiles) -> io::Result<()> {
        self.write(AgentMessage::Hello {
            protocol: PROTOCOL_VERSION,
            log: files.log.display().to_string(),
        })
    }

    /// Writes a message. Failing is no reason to stop: the journal says the same.
    pub(super) fn emit(&self, message: AgentMessage) {
        self.write(message).ok();
    }

    fn write(&self, message: AgentMessage) -> io::Result<()> {
        let log = self.log.metadata()?.len();
        let entry = Entry { log, message };
        let mut was_cut = false;
        reserve::with_room(&self.folder, || {
            if was_cut {
                // That line gets an end, so that this is one of its own.
                (&self.file).write_all(b"\n")?;
            }
            was_cut = true;
            append_entry(&self.file, &entry)
        })
    }

    /// Writes a line of our own into the log.
    pub(super) fn note(&self, text: &str) {
        let line = format!("deploy: {text}\n");
        (&self.log).write_all(line.as_bytes()).ok();
    }

    /// Returns the log.
    pub(super) fn log(&self) -> &File {
        &self.log
    }
}

/// Writes how a run ended whose own supervisor cannot do it any more, unless it has.
pub(super) fn append_result(files: &RunFiles, result: &ActivationResult) -> io::Result<()> {
    let text = std::fs::read_to_string(&files.events)?;
    if ends_with_result(&text) {
        return Ok(());
    }
    let file = append(&files.events, 0o600)?;
    let log = files.log.metadata()?.len();
    let message = AgentMessage::Result {
        result: result.clone(),
    };
    append_entry(&file, &Entry { log, message })
}

/// Writes that a run has not begun, after which it cannot; false where it has.
pub(super) fn forbid(files: &RunFiles, result: &ActivationResult) -> io::Result<bool> {
    let file = append(&files.events, 0o600)?;
    if file.try_lock().is_err() || file.metadata()?.len() > 0 {
        return Ok(false);
    }
    let message = AgentMessage::Result {
        result: result.clone(),
    };
    append_entry(&file, &Entry { log: 0, message })?;
    Ok(true)
}

fn append_entry(mut file: &File, entry: &Entry) -> io::Result<()> {
    file.write_all((to_line(entry) + "\n").as_bytes())
}

fn ends_with_result(text: &str) -> bool {
    let last = text.lines().next_back().unwrap_or_default();
    serde_json::from_str::<Entry>(last)
        .is_ok_and(|entry| matches!(entry.message, AgentMessage::Result { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Folder {
        Folder::of(&"/p/profile".parse().unwrap())
    }

    fn files(root: &tempfile::TempDir) -> RunFiles {
        RunFiles {
            events: root.path().join("events"),
            log: root.path().join("log"),
        }
    }

    #[tokio::test]
    async fn a_run_is_worked_on_once() {
        let root = tempfile::tempdir().unwrap();
        let files = files(&root);
        let events = Events::claim(&folder(), &files).await.unwrap().unwrap();
        assert!(Events::claim(&folder(), &files).await.unwrap().is_none());
        assert!(!forbid(&files, &ActivationResult::Locked { holder: None }).unwrap());
        events.hello(&files).unwrap();
        drop(events);
        assert!(Events::claim(&folder(), &files).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_forbidden_run_never_begins() {
        let root = tempfile::tempdir().unwrap();
        let files = files(&root);
        assert!(forbid(&files, &ActivationResult::Locked { holder: None }).unwrap());
        assert!(Events::claim(&folder(), &files).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_result_is_added_once() {
        let root = tempfile::tempdir().unwrap();
        let files = files(&root);
        Events::claim(&folder(), &files)
            .await
            .unwrap()
            .unwrap()
            .note("text");
        let result = ActivationResult::Locked { holder: None };
        append_result(&files, &result).unwrap();
        append_result(&files, &result).unwrap();
        let text = std::fs::read_to_string(&files.events).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.starts_with(r#"{"log":13,"#), "{text}");
    }
}
