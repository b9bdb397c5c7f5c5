//! Following a run: its messages, with what its activation printed in between.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use super::error::AgentError;
use super::events::{Entry, forbid};
use super::folder::{Folder, JobKind, RunFiles};
use super::journal;
use super::listener::{Listener, refuse};
use super::log_lines::LogLines;
use super::outcome::outcome;
use super::profile::read_state;
use super::system::Watch;
use crate::model::RunId;
use crate::process::Detached;
use crate::protocol::{ActivationResult, AgentMessage, Phase};

/// How long a supervisor may take to begin.
const BEGIN_LIMIT: Duration = Duration::from_secs(20);
const BEGIN_POLL: Duration = Duration::from_millis(10);
/// How long the death of a supervisor may go unnoticed: it writes nothing.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Which run is followed.
#[derive(Debug)]
pub(super) struct Followed<'a> {
    /// The profile's folder.
    pub(super) folder: &'a Folder,
    /// The run.
    pub(super) run: &'a RunId,
    /// Which of its jobs.
    pub(super) kind: JobKind,
    /// Its supervisor, where we have started it.
    pub(super) supervisor: Option<Detached>,
}

/// Tells the messages of the run from the first to the last; returns after its result.
///
/// # Errors
/// Where nobody listens any more, which changes nothing for the run.
pub(super) async fn follow(followed: Followed<'_>, listener: &mut impl Listener) -> io::Result<()> {
    let files = followed.folder.run_files(followed.run, followed.kind);
    let mut follower = Follower {
        events: EventReader::default(),
        log: LogLines::of(&files.log),
        listener,
        reached: None,
        begin: Instant::now(),
        followed,
        files,
    };
    follower.run().await?;
    follower.listener.flush()
}

struct Follower<'a, L: Listener> {
    followed: Followed<'a>,
    files: RunFiles,
    events: EventReader,
    log: LogLines,
    listener: &'a mut L,
    reached: Option<Phase>,
    begin: Instant,
}

impl<L: Listener> Follower<'_, L> {
    async fn run(&mut self) -> io::Result<()> {
        let mut watch = Watch::growth_of(&[&self.files.events, &self.files.log]);
        loop {
            // The length first: what is printed after a message that is not there yet, comes
            // after it.
            let length = self.log.length();
            let has_begun = self.events.seen > 0;
            let is_alive = is_held(&self.files);
            if self.relay_events()? {
                return Ok(());
            }
            let listener = &mut *self.listener;
            let more = self
                .log
                .step(length, &mut |message| listener.hear(&message))?;
            self.listener.flush()?;
            if more {
                continue;
            }
            if !is_alive && self.settle(has_begun)? {
                return Ok(());
            }
            let limit = if is_alive { LOOK_AGAIN } else { BEGIN_POLL };
            watch.changed(limit).await;
        }
    }

    /// Prints the messages that are new; returns whether the last was among them.
    fn relay_events(&mut self) -> io::Result<bool> {
        for entry in self.events.read(&self.files)? {
            let listener = &mut *self.listener;
            self.log
                .finish(entry.log, &mut |message| listener.hear(&message))?;
            self.listener.hear(&entry.message)?;
            match entry.message {
                AgentMessage::Result { .. } => return Ok(true),
                AgentMessage::Phase { phase } => self.reached = Some(phase),
                _ => {}
            }
        }
        Ok(false)
    }

    /// Nobody worked on the run when we looked: it has ended since, has not begun, has begun since,
    /// or its supervisor is dead. Only one that had begun before we looked can be dead. Returns
    /// whether an end was told.
    fn settle(&mut self, has_begun: bool) -> io::Result<bool> {
        if self.relay_events()? {
            return Ok(true);
        }
        if self.events.seen == 0 {
            return self.give_up();
        }
        if !has_begun {
            return Ok(false);
        }
        let length = self.log.length();
        let listener = &mut *self.listener;
        self.log
            .finish(length, &mut |message| listener.hear(&message))?;
        let result = self.outcome();
        self.listener.hear(&AgentMessage::Result { result })?;
        Ok(true)
    }

    /// A supervisor that has not begun must not begin once we have said that it did not.
    fn give_up(&mut self) -> io::Result<bool> {
        let has_ended = self.followed.supervisor.as_mut().map(Detached::has_ended);
        let lost = self.has_lost_its_messages();
        if !lost && !has_ended.unwrap_or_default() && self.begin.elapsed() < BEGIN_LIMIT {
            return Ok(false);
        }
        let printed = self.printed()?;
        let reason = format!("the agent could not be started; nothing was changed. {printed}");
        let mut result = ActivationResult::NotStarted {
            reason: reason.trim_end().to_owned(),
        };
        if lost {
            result = self.outcome();
        }
        match forbid(&self.files, &result) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            // It may have worked without being able to write a single message.
            Err(error) => {
                result = self.outcome();
                if let ActivationResult::NotStarted { reason } = &mut result {
                    let file = AgentError::file("write", &self.files.events);
                    *reason = file(error).to_string();
                }
            }
        }
        let log = self.files.log.display().to_string();
        refuse(self.listener, &log, result)?;
        Ok(true)
    }

    /// A power loss takes messages that were not synced, but no journal: that tells what became of
    /// a run that has begun.
    fn has_lost_its_messages(&self) -> bool {
        let followed = &self.followed;
        let journal = journal::load(followed.folder).ok().flatten();
        followed.kind == JobKind::Activate
            && journal.is_some_and(|journal| journal.run == *followed.run)
    }

    /// Returns what a supervisor printed that could not begin.
    fn printed(&mut self) -> io::Result<String> {
        let mut lines = Vec::new();
        let length = self.log.length();
        self.log.finish(length, &mut |message| {
            if let AgentMessage::Output { text } = message {
                lines.push(text);
            }
            Ok(())
        })?;
        Ok(lines.join(" "))
    }

    fn outcome(&self) -> ActivationResult {
        let state = read_state(self.followed.folder.profile());
        match journal::load(self.followed.folder) {
            Ok(journal) => {
                let Followed { run, kind, .. } = &self.followed;
                outcome(run, *kind, journal.as_ref(), self.reached, state)
            }
            Err(error) => ActivationResult::NotStarted {
                reason: error.to_string(),
            },
        }
    }
}

/// Returns whether the run's supervisor lives.
pub(super) fn is_held(files: &RunFiles) -> bool {
    let Ok(file) = File::open(&files.events) else {
        return false;
    };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Reads whole lines of an events file that grows.
#[derive(Debug, Default)]
struct EventReader {
    position: u64,
    seen: usize,
}

impl EventReader {
    fn read(&mut self, files: &RunFiles) -> io::Result<Vec<Entry>> {
        let mut file = match File::open(&files.events) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        file.seek(SeekFrom::Start(self.position))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        self.position += whole as u64;
        let text = String::from_utf8_lossy(&bytes[..whole]);
        // A line that a full disk has cut is none.
        let entries: Vec<Entry> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        self.seen += entries.len();
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_util::FutureExt;

    use super::*;
    use crate::agent::events::Events;
    use crate::agent::listener::JsonLines;
    use crate::model::ProfileState;

    /// A listener: what the follower has is written out between its look at the supervisor and
    /// what it makes of that. The first time the supervisor begins, the second time it ends.
    struct Late<'a> {
        folder: &'a Folder,
        files: &'a RunFiles,
        events: Option<Events>,
        flushes: u32,
        heard: &'a mut Vec<u8>,
    }

    impl Write for Late<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.flushes += 1;
            if self.flushes == 1 {
                let claimed = Events::claim(self.folder, self.files).now_or_never();
                let events = claimed.unwrap().unwrap().unwrap();
                events.hello(self.files)?;
                self.events = Some(events);
            } else if let Some(events) = self.events.take() {
                let state = ProfileState::Absent {
                    highest_generation: None,
                };
                let result = ActivationResult::Done { state };
                events.emit(AgentMessage::Result { result });
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_supervisor_that_begins_while_we_look_is_not_dead() {
        let root = tempfile::tempdir().unwrap();
        let profile = format!("{}/p", root.path().display()).parse().unwrap();
        let folder = Folder::of(&profile);
        folder.ensure().unwrap();
        let run = RunId::from_bytes([1; 16]);
        let files = folder.run_files(&run, JobKind::Activate);
        std::fs::write(&files.events, "").unwrap();
        std::fs::write(&files.log, "").unwrap();
        let mut heard = Vec::new();
        let followed = Followed {
            folder: &folder,
            run: &run,
            kind: JobKind::Activate,
            supervisor: None,
        };
        let late = Late {
            folder: &folder,
            files: &files,
            events: None,
            flushes: 0,
            heard: &mut heard,
        };
        follow(followed, &mut JsonLines::new(late)).await.unwrap();
        let heard = String::from_utf8(heard).unwrap();
        assert!(
            heard.lines().last().unwrap().contains(r#""result":"done""#),
            "{heard}"
        );
    }
}
