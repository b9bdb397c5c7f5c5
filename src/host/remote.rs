//! Nodes behind SSH, and the operator's own machine.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::password::{Known, Operator};
use super::{
    AgentCall, ConnectionPool, Host, HostError, LineSink, Link, RUNNING_AGENT, RemoteCommand,
};
use crate::model::{Connection, sudo};
use crate::nix::{CopyRequest, NixError, Signatures};
use crate::process::{Answers, Tail, run, run_answering, run_with};
use crate::ssh::{RemoteFinished, SshError, fresh_invocation, quote_words};

/// How long a fresh login with its one command may take.
const FRESH_LIMIT: Duration = Duration::from_secs(25);
/// The same where the operator has to answer something.
const FRESH_LIMIT_ASKING: Duration = Duration::from_secs(120);

/// Nodes behind SSH, reached through a pool of connections.
#[derive(Debug, Clone)]
pub struct RemoteHost {
    pool: Arc<ConnectionPool>,
    signatures: Signatures,
}

impl RemoteHost {
    /// Returns the nodes behind these connections.
    pub fn new(pool: Arc<ConnectionPool>) -> Self {
        Self {
            pool,
            signatures: Signatures::default(),
        }
    }

    /// Returns the same, where something is done about the signatures of what is copied.
    #[must_use]
    pub fn with_signatures(self, signatures: Signatures) -> Self {
        Self { signatures, ..self }
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
        let Link::Ssh(link) = link.as_ref() else {
            // It has the same store.
            return Ok(());
        };
        let signing = self.signatures.sign(request).await;
        signing.map_err(|error| failed("signing", said(&error), &Tail::default()))?;
        let (options, checked) = (link.nix_ssh_options(), self.signatures.checked);
        let invocation = request.invocation(connection, &options, checked);
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
        self.call_over(Carrier::Connection, call, on_line).await
    }

    async fn unlock(&self, call: &AgentCall, moved: Option<&Connection>) -> Result<(), HostError> {
        let Some(words) = &call.sudo else {
            return Ok(());
        };
        let (passwords, connection) = (&self.pool.passwords, &call.connection);
        if let Some(password) = self.password(call, words).await? {
            for connection in [Some(connection), moved].into_iter().flatten() {
                passwords.insert(connection, words, password.clone());
            }
        }
        Ok(())
    }

    async fn call_afresh(&self, call: &AgentCall, on_line: LineSink<'_>) -> Result<(), HostError> {
        self.call_over(Carrier::FreshLogin, call, on_line).await
    }

    async fn run_command(
        &self,
        command: &RemoteCommand,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        let words = quote_words(command.words.clone());
        let titled = (command.title, command.title, words.as_str());
        self.over_connection(&command.connection, titled, None, on_line)
            .await
    }

    async fn run_command_afresh(
        &self,
        command: &RemoteCommand,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        let words = quote_words(command.words.clone());
        self.login(&command.connection, &words, None, on_line).await
    }
}

/// One way to call the agent.
struct Way {
    agent: String,
    is_last: bool,
}

impl Way {
    /// Returns whether a call that ended so is the last.
    fn ends_with(&self, result: &Result<(), HostError>, was_heard: bool) -> bool {
        let is_lost = result.as_ref().is_err_and(HostError::is_unreachable);
        self.is_last || was_heard || is_lost
    }
}

/// What carries a call.
#[derive(Clone, Copy)]
enum Carrier {
    /// The connection that there is.
    Connection,
    /// A login of its own.
    FreshLogin,
}

impl RemoteHost {
    async fn call_over(
        &self,
        carrier: Carrier,
        call: &AgentCall,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        let (call, mut known) = self.with_password(call);
        for way in self.ways(&call) {
            let answers = known.as_mut().map(|known| known as &mut dyn Answers);
            let mut was_heard = false;
            let mut hear = |line: &str| {
                was_heard |= call.command.is_answer(line);
                on_line(line);
            };
            let result = self.run(carrier, &call, &way, answers, &mut hear).await;
            if way.ends_with(&result, was_heard) {
                return result;
            }
        }
        Ok(())
    }

    /// Through sudo by the path that rules can name, where root has installed an agent there: the
    /// one that was sent is tried if that gives no answer, as where an activation has removed it or
    /// brought another.
    fn ways(&self, call: &AgentCall) -> Vec<Way> {
        let installed = self.pool.installed_agent(&call.connection);
        let installed = installed.filter(|_| call.sudo.is_some());
        let installed = installed.map(|agent| Way {
            agent: agent.to_string(),
            is_last: false,
        });
        let sent = Way {
            agent: call.agent.to_string(),
            is_last: true,
        };
        installed.into_iter().chain([sent]).collect()
    }

    /// Returns the call in the form in which sudo asks, with the answer, where one is known.
    fn with_password(&self, call: &AgentCall) -> (AgentCall, Option<Known<'_>>) {
        let prompt = &self.pool.sudo_prompt;
        let words = call.sudo.as_deref().unwrap_or_default();
        let password = self.pool.passwords.get(&call.connection, words);
        let known = password.map(|password| Known::new(prompt, password));
        let sudo = match &known {
            Some(_) => sudo::asking(words, prompt),
            None => call.sudo.clone(),
        };
        (
            AgentCall {
                sudo,
                ..call.clone()
            },
            known,
        )
    }

    /// Returns the password for these words of sudo, if they want one.
    async fn password(
        &self,
        call: &AgentCall,
        words: &[String],
    ) -> Result<Option<SecretString>, HostError> {
        let passwords = &self.pool.passwords;
        if let Some(password) = passwords.get(&call.connection, words) {
            return Ok(Some(password));
        }
        let with = |sudo: Option<Vec<String>>| AgentCall {
            sudo: sudo.or_else(|| call.sudo.clone()),
            ..call.clone()
        };
        let Some(asking) = &self.pool.asking else {
            self.call(&with(sudo::never_asking(words)), &mut |_| {})
                .await?;
            return Ok(None);
        };
        let prompt = &self.pool.sudo_prompt;
        let turn = asking.turn().await;
        let mut operator = Operator::new(prompt, &call.connection, passwords, &turn);
        self.call_asking(&with(sudo::asking_anew(words, prompt)), &mut operator)
            .await?;
        Ok(operator.given())
    }

    async fn call_asking(
        &self,
        call: &AgentCall,
        operator: &mut Operator<'_>,
    ) -> Result<(), HostError> {
        for way in self.ways(call) {
            let mut was_heard = false;
            let mut hear = |line: &str| was_heard |= call.command.is_answer(line);
            let carrier = Carrier::Connection;
            let result = self
                .run(carrier, call, &way, Some(operator), &mut hear)
                .await;
            if way.ends_with(&result, was_heard) || operator.has_no_more_tries() {
                return result;
            }
            operator.again();
        }
        Ok(())
    }

    async fn run(
        &self,
        carrier: Carrier,
        call: &AgentCall,
        way: &Way,
        answers: Option<&mut dyn Answers>,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        let (connection, command) = (&call.connection, quote_words(call.words_of(&way.agent)));
        match carrier {
            Carrier::Connection => {
                let title = call.title();
                let titled = (RUNNING_AGENT, title.as_str(), command.as_str());
                self.over_connection(connection, titled, answers, on_line)
                    .await
            }
            Carrier::FreshLogin => self.login(connection, &command, answers, on_line).await,
        }
    }

    /// Runs a command over the connection that there is. With it come what is being done, and what
    /// a recording calls it.
    async fn over_connection(
        &self,
        connection: &Connection,
        (doing, title, command): (&'static str, &str, &str),
        answers: Option<&mut dyn Answers>,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        let link = self.pool.link(connection).await?;
        let running = link.run_lines((title, command), answers, on_line);
        let RemoteFinished { status, stderr } = running.await?;
        check(doing, status, &stderr)
    }

    async fn login(
        &self,
        connection: &Connection,
        command: &str,
        answers: Option<&mut dyn Answers>,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        if connection.local {
            // There is nowhere to log in: a process of its own is all that can be fresh.
            let titled = (RUNNING_AGENT, RUNNING_AGENT, command);
            return self
                .over_connection(connection, titled, answers, on_line)
                .await;
        }
        let login = |may_ask: bool| {
            // A person answers; a machine has no reason to take long.
            let limit = if may_ask {
                FRESH_LIMIT_ASKING
            } else {
                FRESH_LIMIT
            };
            let invocation = fresh_invocation(connection, command, may_ask).time_limit(limit);
            async move {
                match answers {
                    Some(answers) => run_answering(&invocation, answers).await,
                    None => run(&invocation).await,
                }
            }
        };
        let finished = self.pool.fresh(connection, login).await;
        let finished = finished.map_err(|error| SshError::lost(error.to_string()))?;
        let text = String::from_utf8_lossy(&finished.stdout);
        text.lines().for_each(on_line);
        match finished.status.code() {
            Some(255) => Err(SshError::from_messages(&finished.stderr.text()).into()),
            status => check(RUNNING_AGENT, status, &finished.stderr),
        }
    }
}

fn check(doing: &'static str, status: Option<i32>, stderr: &Tail) -> Result<(), HostError> {
    match status {
        Some(0) => Ok(()),
        Some(status) if stderr.lines().next().is_none() => Err(failed(
            doing,
            format!("it ended with status {status}"),
            stderr,
        )),
        Some(_) => Err(failed(doing, last_words(stderr), stderr)),
        None => Err(failed(doing, "it was killed".to_owned(), stderr)),
    }
}

fn failed(doing: &'static str, detail: String, stderr: &Tail) -> HostError {
    HostError::Failed {
        doing,
        detail,
        tail: stderr.lines().map(ToOwned::to_owned).collect(),
    }
}

/// Returns an error of Nix in one line.
fn said(error: &NixError) -> String {
    let last = error.said().and_then(|said| said.lines().next_back());
    last.map_or_else(|| error.to_string(), ToOwned::to_owned)
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
