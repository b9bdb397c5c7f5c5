//! Nodes behind SSH.

use std::sync::Arc;
use std::time::Duration;

use super::{AgentCall, ConnectionPool, Host, HostError, LineSink};
use crate::model::Connection;
use crate::nix::CopyRequest;
use crate::process::{Finished, Tail, run, run_with};
use crate::ssh::{RemoteFinished, SshError, fresh_invocation, quote_words};

/// How long a fresh login with its one command may take.
const FRESH_LIMIT: Duration = Duration::from_secs(25);
/// The same where the operator has to answer something.
const FRESH_LIMIT_ASKING: Duration = Duration::from_secs(120);

/// Nodes behind SSH, reached through a pool of connections.
#[derive(Debug, Clone)]
pub struct RemoteHost {
    pool: Arc<ConnectionPool>,
}

impl RemoteHost {
    /// Returns the nodes behind these connections.
    pub fn new(pool: Arc<ConnectionPool>) -> Self {
        Self { pool }
    }
}

impl Host for RemoteHost {
    async fn copy(
        &self,
        connection: &Connection,
        request: &CopyRequest,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        let link = self.pool.link(connection).await?;
        let invocation = request.invocation(connection, &link.nix_ssh_options());
        let finished = run_with(&invocation, |line| on_line(line)).await;
        let finished =
            finished.map_err(|error| failed("copying", error.to_string(), &Tail::default()))?;
        if finished.status.success() {
            return Ok(());
        }
        if !link.is_alive().await {
            return Err(SshError::lost("the connection was lost while copying").into());
        }
        Err(failed(
            "copying",
            last_words(&finished.stderr),
            &finished.stderr,
        ))
    }

    async fn call(&self, call: &AgentCall, on_line: LineSink<'_>) -> Result<(), HostError> {
        let link = self.pool.link(&call.connection).await?;
        let title = call.title();
        for words in self.ways(call) {
            let mut was_heard = false;
            let RemoteFinished { status, stderr } = link
                .run_lines((&title, &quote_words(words.command)), &mut |line| {
                    was_heard |= call.command.is_answer(line);
                    on_line(line);
                })
                .await?;
            let result = check(status, &stderr);
            if words.is_last || was_heard {
                return result;
            }
        }
        Ok(())
    }

    async fn call_afresh(&self, call: &AgentCall, on_line: LineSink<'_>) -> Result<(), HostError> {
        for words in self.ways(call) {
            let finished = self.run_afresh(call, words.command).await?;
            let text = String::from_utf8_lossy(&finished.stdout);
            text.lines().for_each(&mut *on_line);
            let result = match finished.status.code() {
                Some(255) => Err(SshError::from_messages(&finished.stderr.text()).into()),
                status => check(status, &finished.stderr),
            };
            let was_heard = text.lines().any(|line| call.command.is_answer(line));
            let is_lost = result.as_ref().is_err_and(HostError::is_unreachable);
            if words.is_last || was_heard || is_lost {
                return result;
            }
        }
        Ok(())
    }
}

/// One way to call the agent.
struct Way {
    command: Vec<String>,
    is_last: bool,
}

impl RemoteHost {
    /// Through sudo by the path that rules can name, where root has installed an agent there: the
    /// one that was sent is tried if that gives no answer, as where an activation has removed it or
    /// brought another.
    fn ways(&self, call: &AgentCall) -> Vec<Way> {
        let installed = self.pool.installed_agent(&call.connection);
        let installed = installed.filter(|_| call.sudo.is_some());
        let installed = installed.map(|agent| Way {
            command: call.words_of(agent.as_str()),
            is_last: false,
        });
        let sent = Way {
            command: call.words(),
            is_last: true,
        };
        installed.into_iter().chain([sent]).collect()
    }

    async fn run_afresh(
        &self,
        call: &AgentCall,
        words: Vec<String>,
    ) -> Result<Finished, HostError> {
        let command = quote_words(words);
        let login = |may_ask: bool| {
            // A person answers; a machine has no reason to take long.
            let limit = if may_ask {
                FRESH_LIMIT_ASKING
            } else {
                FRESH_LIMIT
            };
            let invocation =
                fresh_invocation(&call.connection, &command, may_ask).time_limit(limit);
            async move { run(&invocation).await }
        };
        let finished = self.pool.fresh(&call.connection, login).await;
        finished.map_err(|error| SshError::lost(error.to_string()).into())
    }
}

fn check(status: Option<i32>, stderr: &Tail) -> Result<(), HostError> {
    const DOING: &str = "running the agent";
    match status {
        Some(0) => Ok(()),
        Some(status) if stderr.lines().next().is_none() => Err(failed(
            DOING,
            format!("it ended with status {status}"),
            stderr,
        )),
        Some(_) => Err(failed(DOING, last_words(stderr), stderr)),
        None => Err(failed(DOING, "it was killed".to_owned(), stderr)),
    }
}

fn failed(doing: &'static str, detail: String, stderr: &Tail) -> HostError {
    HostError::Failed {
        doing,
        detail,
        tail: stderr.lines().map(ToOwned::to_owned).collect(),
    }
}

/// Returns the line that says most: Nix's first error, else the last line.
fn last_words(stderr: &Tail) -> String {
    let error = stderr
        .lines()
        .find(|line| line.trim_start().starts_with("error:"));
    error
        .or_else(|| stderr.lines().next_back())
        .unwrap_or("it said nothing")
        .trim()
        .to_owned()
}
