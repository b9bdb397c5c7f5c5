//! Children that outlive whoever started them.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};

use super::{Invocation, ProcessError};

/// A child that shares nothing with its parent: its output goes to a file, and dropping this
/// neither ends nor delays it.
#[derive(Debug)]
pub struct Detached {
    child: Child,
    id: u32,
}

impl Detached {
    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Returns whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

/// Starts a child that writes standard output and error to `output` and reads from `stdin`, or
/// nothing. It stays in the caller's process group until it calls `setsid` itself.
///
/// The invocation's own input and time limit are not used: nobody may be left to apply them.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that starts children"
)]
pub fn spawn_detached(
    invocation: &Invocation,
    stdin: Option<OwnedFd>,
    output: &File,
) -> Result<Detached, ProcessError> {
    let start = || -> io::Result<Detached> {
        let mut command = Command::new(&invocation.program);
        command
            .args(&invocation.arguments)
            .envs(
                invocation
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .stdin(stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?);
        if let Some(directory) = &invocation.directory {
            command.current_dir(directory);
        }
        let child = command.spawn()?;
        let id = child.id().ok_or(io::ErrorKind::NotFound)?;
        Ok(Detached { child, id })
    };
    start().map_err(|source| ProcessError::Start {
        program: invocation.program_name(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_goes_to_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        let invocation =
            Invocation::new("/bin/sh").args(["-c", "cat; echo out; echo err >&2; exit 3"]);
        let mut child = spawn_detached(&invocation, None, &file).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(3));
        assert!(child.has_ended());
        let mut text = String::new();
        io::Seek::rewind(&mut file).unwrap();
        io::Read::read_to_string(&mut file, &mut text).unwrap();
        assert_eq!(text, "out\nerr\n");
    }

    #[tokio::test]
    async fn dropping_does_not_end_it() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let script = format!("sleep 0.2; touch {}", mark.display());
        let invocation = Invocation::new("/bin/sh").arg("-c").arg(script);
        drop(spawn_detached(&invocation, None, &tempfile::tempfile().unwrap()).unwrap());
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
        assert!(mark.exists());
    }
}
