//! The operator's own machine as a node: the same commands, without ssh.

use crate::process::{Answers, Finished, Invocation, ProcessError, run, run_lines};
use crate::ssh::{RemoteFinished, SshError};

/// Runs a command, and hands over each line of its standard output. What it starts detached
/// outlives this process, as it outlives a login.
pub(super) async fn local_lines(
    (title, command): (&str, &str),
    answers: Option<&mut dyn Answers>,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<RemoteFinished, SshError> {
    let finished = run_lines(&shell(title, command), answers, on_line).await;
    Ok(ended(finished)?.0)
}

/// Runs a command with this input, and returns everything that it writes to standard output.
pub(super) async fn local_bytes(
    (title, command): (&str, &str),
    input: &[u8],
) -> Result<(RemoteFinished, Vec<u8>), SshError> {
    ended(run(&shell(title, command).stdin(input)).await)
}

/// The words of a command are quoted for any shell already.
fn shell(title: &str, command: &str) -> Invocation {
    let shell = Invocation::new("/bin/sh").titled(title);
    shell.arg("-c").arg(format!("exec {command}"))
}

fn ended(finished: Result<Finished, ProcessError>) -> Result<(RemoteFinished, Vec<u8>), SshError> {
    let finished = finished.map_err(|error| SshError::local(error.to_string()))?;
    let ended = RemoteFinished {
        status: finished.status.code(),
        stderr: finished.stderr,
    };
    Ok((ended, finished.stdout))
}
