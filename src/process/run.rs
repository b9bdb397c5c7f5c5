//! Running a child to its end.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::{Answers, Invocation, OpenSpan, ProcessGroup, SpanKind, Tail, converse};

/// The most that is kept of a child's standard output, in bytes.
const STDOUT_MAX: u64 = 512 << 20;
/// How long the streams of a child that has ended may stay open in a grandchild's hands.
const STREAMS_AFTER_EXIT: Duration = Duration::from_millis(500);
/// How long a child may take to end by itself once it was told to.
const GRACE: Duration = Duration::from_secs(2);

/// A child that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything it wrote to standard output.
    pub stdout: Vec<u8>,
    /// The last lines it wrote to standard error.
    pub stderr: Tail,
}

/// A child that could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("could not start {program}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Its streams could not be read.
    #[error("could not read the output of {program}")]
    Read {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It did not end within its limit, and was ended.
    #[error("{program} did not end within {} s", limit.as_secs_f32())]
    TimedOut {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
        /// The last lines it wrote to standard error.
        stderr: Tail,
    },
}

/// Runs a child to its end, keeping its standard output and the last lines of standard error.
pub async fn run(invocation: &Invocation) -> Result<Finished, ProcessError> {
    run_with(invocation, |_| {}).await
}

/// Like [`run`], and hands over each line of standard error as it comes.
pub async fn run_with(
    invocation: &Invocation,
    on_stderr_line: impl FnMut(&str),
) -> Result<Finished, ProcessError> {
    run_to_end(invocation, None, None, on_stderr_line).await
}

/// Like [`run`], and has the child's questions on standard error answered; it gets no other input.
pub async fn run_answering(
    invocation: &Invocation,
    answers: &mut dyn Answers,
) -> Result<Finished, ProcessError> {
    run_to_end(invocation, Some(answers), None, |_| {}).await
}

/// Like [`run`], and hands over each line of standard output as it comes, instead of keeping it.
pub async fn run_lines(
    invocation: &Invocation,
    answers: Option<&mut dyn Answers>,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<Finished, ProcessError> {
    run_to_end(invocation, answers, Some(on_line), |_| {}).await
}

async fn run_to_end(
    invocation: &Invocation,
    answers: Option<&mut dyn Answers>,
    on_line: Option<&mut (dyn FnMut(&str) + Send)>,
    mut on_stderr_line: impl FnMut(&str),
) -> Result<Finished, ProcessError> {
    let _span = OpenSpan::begin(SpanKind::Child, || {
        let program = invocation.program_name();
        let name = invocation.title.clone();
        let name = name.unwrap_or_else(|| program.clone());
        (program, name, invocation.to_string())
    });
    let mut child = start(invocation, answers.is_some())?;
    let mut group = ProcessGroup::of(child.id().filter(|_| !invocation.may_ask));
    let mut stderr = Tail::default();
    let keep = |line: &str| {
        stderr.push(line);
        on_stderr_line(line);
    };
    let followed = follow(invocation, &mut child, answers, on_line, keep);
    // Everything that runs a child has this in it.
    let followed = Box::pin(followed);
    let result = match invocation.time_limit {
        None => Some(followed.await),
        Some(limit) => tokio::time::timeout(limit, followed).await.ok(),
    };
    if let Some(result) = result {
        group.release();
        let (status, stdout) = result.map_err(|source| ProcessError::Read {
            program: invocation.program_name(),
            source,
        })?;
        return Ok(Finished {
            status,
            stdout,
            stderr,
        });
    }
    group.terminate();
    drop(tokio::time::timeout(GRACE, child.wait()).await);
    group.kill();
    let limit = invocation.time_limit.unwrap_or_default();
    Err(ProcessError::TimedOut {
        program: invocation.program_name(),
        limit,
        stderr,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that starts children"
)]
fn start(invocation: &Invocation, is_answered: bool) -> Result<Child, ProcessError> {
    let mut command = Command::new(&invocation.program);
    command
        .args(&invocation.arguments)
        .envs(
            invocation
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .stdin(if is_answered || !invocation.stdin.is_empty() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // From a group of its own, reading the terminal would stop the child.
    if !invocation.may_ask {
        command.process_group(0);
    }
    if let Some(directory) = &invocation.directory {
        command.current_dir(directory);
    }
    command.spawn().map_err(|source| ProcessError::Start {
        program: invocation.program_name(),
        source,
    })
}

async fn follow(
    invocation: &Invocation,
    child: &mut Child,
    answers: Option<&mut dyn Answers>,
    on_line: Option<&mut (dyn FnMut(&str) + Send)>,
    on_stderr_line: impl FnMut(&str),
) -> io::Result<(ExitStatus, Vec<u8>)> {
    let (mut stdin, stdout, stderr) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talk = async {
        if let Some(answers) = answers {
            return converse(stderr, stdin, answers, on_stderr_line).await;
        }
        let write = async {
            if let Some(mut stdin) = stdin.take() {
                // A child that ends without reading everything says so by its status.
                drop(stdin.write_all(&invocation.stdin).await);
            }
        };
        tokio::join!(write, read_lines(stderr, on_stderr_line)).1
    };
    let mut output = Vec::new();
    let listen = async {
        match on_line {
            Some(on_line) => read_lines(stdout, on_line).await,
            None => read_all(stdout, &mut output).await,
        }
    };
    let status = {
        let streams = async { tokio::join!(listen, talk) };
        tokio::pin!(streams);
        tokio::select! {
            (read, lines) = &mut streams => {
                read?;
                lines?;
                child.wait().await?
            }
            status = child.wait() => {
                let status = status?;
                // A grandchild may hold the streams open for ever: the exit counts, not their end.
                if let Ok((read, lines)) = tokio::time::timeout(STREAMS_AFTER_EXIT, &mut streams).await {
                    read?;
                    lines?;
                }
                status
            }
        }
    };
    Ok((status, output))
}

async fn read_all(stream: Option<impl AsyncRead + Unpin>, output: &mut Vec<u8>) -> io::Result<()> {
    if let Some(stream) = stream {
        stream.take(STDOUT_MAX).read_to_end(output).await?;
    }
    Ok(())
}

async fn read_lines(
    stream: Option<impl AsyncRead + Unpin>,
    mut on_line: impl FnMut(&str),
) -> io::Result<()> {
    let Some(stream) = stream else { return Ok(()) };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await? > 0 {
        on_line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn shell(script: &str) -> Invocation {
        Invocation::new("/bin/sh").arg("-c").arg(script)
    }

    #[tokio::test]
    async fn keeps_output_status_and_lines() {
        let mut seen = Vec::new();
        let invocation = shell("cat; echo one >&2; echo two >&2; exit 3").stdin("in");
        let finished = run_with(&invocation, |line| seen.push(line.to_owned()))
            .await
            .unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(finished.stdout, b"in");
        assert_eq!(seen, ["one", "two"]);
        assert_eq!(finished.stderr.text(), "one\ntwo");
    }

    #[tokio::test]
    async fn the_whole_group_ends_at_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alive");
        let script = format!(
            "(trap '' TERM; sleep 4; touch {}) & sleep 60",
            file.display()
        );
        let begin = Instant::now();
        let error = run(&shell(&script).time_limit(Duration::from_millis(300)))
            .await
            .unwrap_err();
        assert!(matches!(error, ProcessError::TimedOut { .. }), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(4));
        tokio::time::sleep(Duration::from_millis(4500)).await;
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn a_grandchild_that_keeps_the_streams_open_does_not_delay_the_end() {
        let begin = Instant::now();
        let finished = run(&shell("sleep 30 & echo done")).await.unwrap();
        assert!(finished.status.success());
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = run(&Invocation::new("/does/not/exist")).await.unwrap_err();
        assert_eq!(error.to_string(), "could not start exist");
    }
}
