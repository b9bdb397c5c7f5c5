//! Nodes behind SSH.

use std::sync::Arc;
use std::time::Duration;

use super::{AgentCall, ConnectionPool, Host, HostError, LineSink};
use crate::model::Connection;
use crate::nix::CopyRequest;
use crate::process::{Tail, run, run_with};
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
        let RemoteFinished { status, stderr } =
            link.run_lines(&quote_words(call.words()), on_line).await?;
        check(status, &stderr)
    }

    async fn call_afresh(&self, call: &AgentCall, on_line: LineSink<'_>) -> Result<(), HostError> {
        let command = quote_words(call.words());
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
        let finished = finished.map_err(|error| SshError::lost(error.to_string()))?;
        String::from_utf8_lossy(&finished.stdout)
            .lines()
            .for_each(on_line);
        match finished.status.code() {
            Some(255) => Err(SshError::from_messages(&finished.stderr.text()).into()),
            status => check(status, &finished.stderr),
        }
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
