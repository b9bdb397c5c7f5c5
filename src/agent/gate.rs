//! A child that does nothing until it is told to, so that it can be written down first.
//!
//! The agent starts itself as `activate gate PROGRAM …`, writes the new process into the journal,
//! and only then lets it become PROGRAM. Whoever reads the journal after a crash therefore finds
//! every process that may still change something. The child's standard input is one end of a
//! socket: a byte on it means "go", its end means that the agent died and nothing may happen.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use super::identity::identify;
use crate::process::{Detached, Invocation, ProcessError, spawn_detached};
use crate::protocol::ProcessIdentity;

/// A child behind the gate.
#[derive(Debug)]
pub(super) struct Gate {
    /// The child.
    pub(super) child: Detached,
    socket: UnixStream,
}

impl Gate {
    /// Starts `executable`, which is this one, as the gate before `invocation`.
    pub(super) fn start(
        executable: &Path,
        invocation: Invocation,
        output: &File,
    ) -> Result<Self, ProcessError> {
        let invocation = invocation.through(executable, ["gate", "--"]);
        let (ours, theirs) = UnixStream::pair().map_err(|source| ProcessError::Start {
            program: invocation.program_name(),
            source,
        })?;
        let child = spawn_detached(&invocation, Some(OwnedFd::from(theirs)), output)?;
        Ok(Self {
            child,
            socket: ours,
        })
    }

    /// Returns what to write down before [`Gate::open`].
    pub(super) fn identity(&self) -> ProcessIdentity {
        identify(self.child.id())
    }

    /// Lets the child become its program; fails with the system's reason where it cannot.
    pub(super) fn open(mut self) -> io::Result<Detached> {
        self.socket.write_all(b"!")?;
        let mut reason = String::new();
        // It ends when the child has become its program, which does not have the socket.
        self.socket.read_to_string(&mut reason)?;
        if reason.is_empty() {
            Ok(self.child)
        } else {
            Err(io::Error::other(reason))
        }
    }
}

/// Waits to be told, then becomes `program`; returns only where that is impossible.
pub(super) fn become_program(program: &OsString, arguments: &[OsString]) -> io::Result<()> {
    // A session of its own: the program and its children can be ended together, and the end of
    // the connection's session does not reach them.
    rustix::process::setsid().ok();
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    if socket.read(&mut [0])? == 0 {
        return Ok(());
    }
    let error = command(program, arguments).exec();
    socket.write_all(error.to_string().as_bytes())
}

#[expect(
    clippy::disallowed_methods,
    reason = "replaces this process, which `process` has started, instead of starting one"
)]
fn command(program: &OsString, arguments: &[OsString]) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}
