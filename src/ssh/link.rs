//! One master, and commands over it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openssh::{Session, Stdio};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};

use super::error::SshError;
use super::options::{destination, fresh_invocation, master_invocation, nix_ssh_options};
use crate::model::Connection;
use crate::process::{Answers, OpenSpan, SpanKind, Tail, converse, run};

/// How long a master may take to say which process it is.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// How long a login may take that is to say why another was cut short.
const EXPLAIN_LIMIT: Duration = Duration::from_secs(25);
/// The most that is read of a remote command's standard output, in bytes.
const STDOUT_MAX: u64 = 256 << 20;

/// A command on the other side that has ended.
#[derive(Debug)]
pub struct RemoteFinished {
    /// Its exit status; none where it was ended by a signal or with the connection.
    pub status: Option<i32>,
    /// The last lines it wrote to standard error.
    pub stderr: Tail,
}

/// A connection that is kept open: one login for all commands of a run.
#[derive(Debug)]
pub struct SshLink {
    connection: Connection,
    session: Session,
    socket: PathBuf,
    closed: AtomicBool,
    _span: OpenSpan,
}

impl SshLink {
    /// Logs in. The control socket lies in a new private folder below `folder`, which must be
    /// short: a socket's path may have 107 bytes.
    pub async fn open(
        connection: &Connection,
        folder: &Path,
        may_ask: bool,
    ) -> Result<Self, SshError> {
        let span = OpenSpan::begin(SpanKind::Connection, || {
            let to = destination(connection);
            (to.clone(), to, String::new())
        });
        let control = tempfile::Builder::new().prefix("d").tempdir_in(folder);
        let control = control.map_err(|error| {
            SshError::local(format!(
                "could not make a folder for the connection in {}: {error}",
                folder.display()
            ))
        })?;
        let (socket, log) = (control.path().join("master"), control.path().join("log"));
        let finished = run(&master_invocation(connection, &socket, &log, may_ask)).await;
        let finished = finished.map_err(|error| SshError::local(error.to_string()))?;
        if !finished.status.success() {
            let messages = tokio::fs::read_to_string(&log).await.unwrap_or_default();
            return Err(SshError::from_messages(
                &(messages + &finished.stderr.text()),
            ));
        }
        let session = Session::new_native_mux(control);
        Ok(Self {
            connection: connection.clone(),
            session,
            socket,
            closed: AtomicBool::new(false),
            _span: span,
        })
    }

    /// Returns why logins fail, if they still do: ssh hides what a jump host or a `ProxyCommand` says from a master that
    /// stays (`ControlPersist`), and shows it in a login of its own.
    pub async fn explain(connection: &Connection) -> Option<SshError> {
        let login = fresh_invocation(connection, "true", false).time_limit(EXPLAIN_LIMIT);
        let finished = run(&login).await.ok()?;
        (finished.status.code() == Some(255))
            .then(|| SshError::from_messages(&finished.stderr.text()))
    }

    /// Runs a command, which is text for the login shell (see [`super::quote_words`]), and hands
    /// over each line of its standard output. `title` is what a recording calls it; without
    /// `answers` there is nothing for it to read.
    pub async fn run_lines(
        &self,
        (title, command): (&str, &str),
        answers: Option<&mut dyn Answers>,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<RemoteFinished, SshError> {
        let _span = self.span_of(title, command);
        let mut remote = self.start(command).await?;
        let (stdin, stdout, stderr) = (
            remote.stdin().take(),
            remote.stdout().take(),
            remote.stderr().take(),
        );
        let mut tail = Tail::default();
        let mut keep = |line: &str| tail.push(line);
        let talk = async {
            if let Some(answers) = answers {
                // A stream that breaks is told by the command's end.
                converse(stderr, stdin, answers, &mut keep).await.ok();
            } else {
                drop(stdin);
                lines(stderr, &mut keep).await;
            }
        };
        tokio::join!(lines(stdout, on_line), talk);
        self.finish(remote.wait().await, tail).await
    }

    /// Runs a command with this input, and returns everything that it writes to standard output.
    pub async fn run_bytes(
        &self,
        (title, command): (&str, &str),
        input: &[u8],
    ) -> Result<(RemoteFinished, Vec<u8>), SshError> {
        let _span = self.span_of(title, command);
        let mut remote = self.start(command).await?;
        let (stdin, stdout, stderr) = (
            remote.stdin().take(),
            remote.stdout().take(),
            remote.stderr().take(),
        );
        let write = async {
            if let Some(mut stdin) = stdin {
                // A command that ends without reading everything says so by its status.
                stdin.write_all(input).await.ok();
            }
        };
        let mut output = Vec::new();
        let read = async {
            if let Some(stdout) = stdout {
                stdout.take(STDOUT_MAX).read_to_end(&mut output).await.ok();
            }
        };
        let mut tail = Tail::default();
        let mut keep = |line: &str| tail.push(line);
        tokio::join!(write, read, lines(stderr, &mut keep));
        let finished = self.finish(remote.wait().await, tail).await?;
        Ok((finished, output))
    }

    /// Returns `NIX_SSHOPTS` for a `nix copy` over this connection.
    pub fn nix_ssh_options(&self) -> String {
        nix_ssh_options(&self.connection, &self.socket)
    }

    /// Returns whether the connection still stands.
    pub async fn is_alive(&self) -> bool {
        !self.closed.load(Ordering::Relaxed) && self.session.check().await.is_ok()
    }

    /// Ends the master and all that goes over it.
    pub async fn close(&self) {
        if self.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        let asked = async {
            let mut master = openssh_mux_client::Connection::connect(&self.socket).await?;
            master.send_alive_check().await
        };
        // A master that has gone already, or does not say which process it is, ends by itself.
        if let Ok(Ok(process)) = tokio::time::timeout(CLOSE_LIMIT, asked).await
            && let Ok(process) = i32::try_from(process.get())
            && let Some(process) = Pid::from_raw(process)
        {
            kill_process(process, Signal::TERM).ok();
        }
    }

    fn span_of(&self, title: &str, command: &str) -> OpenSpan {
        OpenSpan::begin(SpanKind::Remote, || {
            let to = destination(&self.connection);
            (to, title.to_owned(), command.to_owned())
        })
    }

    async fn start(&self, command: &str) -> Result<openssh::Child<&Session>, SshError> {
        let mut remote = self.session.raw_command(command);
        remote
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        remote
            .spawn()
            .await
            .map_err(|error| SshError::lost(chain(&error)))
    }

    async fn finish(
        &self,
        ended: Result<std::process::ExitStatus, openssh::Error>,
        stderr: Tail,
    ) -> Result<RemoteFinished, SshError> {
        match ended {
            Ok(status) => Ok(RemoteFinished {
                status: status.code(),
                stderr,
            }),
            // The crate reports 127 as an error of its own.
            Err(openssh::Error::Remote(_)) => Ok(RemoteFinished {
                status: Some(127),
                stderr,
            }),
            // Only the master can tell a killed command from a lost connection.
            Err(openssh::Error::RemoteProcessTerminated) if self.session.check().await.is_ok() => {
                Ok(RemoteFinished {
                    status: None,
                    stderr,
                })
            }
            Err(error) => Err(SshError::lost(format!(
                "the connection was lost: {}",
                chain(&error)
            ))),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

async fn lines(stream: Option<impl AsyncRead + Unpin>, on_line: &mut (dyn FnMut(&str) + Send)) {
    let Some(stream) = stream else { return };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    // A stream that breaks is told by the command's end.
    while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
        on_line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
}
