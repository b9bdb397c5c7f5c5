//! A command that has been started: its output so far, signals to it, and its end.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{self, Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::capture::Capture;
use super::output::Output;

const POLL: Duration = Duration::from_millis(5);

/// A running command. Dropping it kills the command and everything in its session.
pub(crate) struct Running {
    child: Child,
    title: String,
    started: Instant,
    deadline: Instant,
    capture: Capture,
}

impl Running {
    pub(crate) fn new(child: Child, title: String, limit: Duration, capture: Capture) -> Self {
        let started = Instant::now();
        Self {
            child,
            title,
            started,
            deadline: started + limit,
            capture,
        }
    }

    /// Returns what it has written so far.
    pub(crate) fn stdout(&self) -> String {
        self.capture.stdout()
    }

    /// Returns what it has written to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.capture.stderr()
    }

    /// Gives it text to read, if it was made `interactive`.
    #[track_caller]
    pub(crate) fn write(&mut self, text: &str) {
        let input = self
            .child
            .stdin
            .as_mut()
            .expect("the command is interactive");
        input.write_all(text.as_bytes()).expect("the command reads");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    /// Waits until the text is in one of the outputs; panics if the command ends before.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("the output has {text:?}"), |running| {
            running.stdout().contains(text) || running.stderr().contains(text)
        });
    }

    /// Waits until the condition holds; panics if the command ends before or takes too long.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        loop {
            let status = self.status();
            if holds(self) {
                return;
            }
            if let Some(status) = status {
                panic!("ended before {what}\n{}", self.output(status));
            }
            self.check_deadline();
            thread::sleep(POLL);
        }
    }

    /// Waits for its end; kills it and panics with the transcript if that takes too long.
    #[must_use]
    #[track_caller]
    pub(crate) fn wait(mut self) -> Output {
        loop {
            if let Some(status) = self.status() {
                return self.output(status);
            }
            self.check_deadline();
            thread::sleep(POLL);
        }
    }

    /// Does what Ctrl-C does: SIGINT to the command and all that runs with it.
    #[track_caller]
    pub(crate) fn interrupt(&mut self) {
        self.signal("INT");
    }

    /// Kills it and all that runs with it, and returns what it had written.
    #[track_caller]
    pub(crate) fn kill(mut self) -> Output {
        self.signal("KILL");
        self.wait()
    }

    /// Sends the signal to the command's process group; nothing happens if it has ended.
    #[track_caller]
    pub(crate) fn signal(&mut self, signal: &str) {
        while self.is_running() {
            if self
                .leader()
                .is_some_and(|leader| signal_group(leader, signal))
            {
                return;
            }
            self.check_deadline();
            thread::sleep(POLL);
        }
    }

    /// The command itself, by the number that it has out here: the only child of nsenter.
    fn leader(&self) -> Option<u32> {
        let nsenter = self.child.id();
        let children =
            fs::read_to_string(format!("/proc/{nsenter}/task/{nsenter}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("waiting for a command")
    }

    fn output(&self, status: ExitStatus) -> Output {
        let signal = || 128 + status.signal().unwrap_or_default();
        Output {
            stdout: self.stdout(),
            stderr: self.stderr(),
            exit: status.code().unwrap_or_else(signal),
            elapsed: self.started.elapsed(),
            title: self.title.clone(),
        }
    }

    #[track_caller]
    fn check_deadline(&mut self) {
        if Instant::now() < self.deadline {
            return;
        }
        self.end();
        let output = self.output(ExitStatus::from_raw(9));
        panic!("took too long and was killed\n{output}");
    }

    /// Leaves nsenter to reap the command, unless it has not come to start it.
    fn end(&mut self) {
        if !self
            .leader()
            .is_some_and(|leader| signal_group(leader, "KILL"))
        {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// Returns whether there was such a group.
fn signal_group(leader: u32, signal: &str) -> bool {
    process::Command::new("/bin/sh")
        .args([
            "-c",
            r#"kill -s "$0" -- "-$1""#,
            signal,
            &leader.to_string(),
        ])
        .stderr(Stdio::null())
        .status()
        .expect("sending a signal")
        .success()
}
