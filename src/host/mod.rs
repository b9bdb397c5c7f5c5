//! Nodes as the engine sees them: what can be asked of one, whatever carries it.

mod asking;
mod crowd;
#[cfg(test)]
mod fake;
mod link;
mod local;
mod password;
mod pool;
mod remote;
mod search;
mod terminal;

use crate::model::{Connection, StorePath};
use crate::nix::CopyRequest;
use crate::protocol::AgentCommand;
use crate::ssh::{SshError, SshErrorKind};

pub use asking::{Asking, OnAsking};
#[cfg(test)]
pub(crate) use fake::{FakeHost, Script};
pub use link::Link;
pub use pool::ConnectionPool;
pub use remote::RemoteHost;
pub use search::Search;

/// What was being done when the agent fails.
pub(crate) const RUNNING_AGENT: &str = "running the agent";

/// Receives lines as they come.
pub type LineSink<'a> = &'a mut (dyn FnMut(&str) + Send);

/// A call of the agent on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentCall {
    /// How the node is reached.
    pub connection: Connection,
    /// The words before the agent, up to the user's name; none where the login is that user.
    pub sudo: Option<Vec<String>>,
    /// The agent's path on the node.
    pub agent: StorePath,
    /// What is asked.
    pub command: AgentCommand,
}

impl AgentCall {
    /// Returns what a recording calls it.
    pub(crate) fn title(&self) -> String {
        let arguments = self.command.arguments();
        let asked = arguments.first().map_or("", String::as_str);
        format!("activate {asked}")
    }

    /// Returns the words of the command, for an agent that lies there.
    pub(crate) fn words_of(&self, agent: &str) -> Vec<String> {
        let mut words = self.sudo.clone().unwrap_or_default();
        words.push(agent.to_owned());
        words.extend(self.command.arguments());
        words
    }
}

/// A command on a node that is not the agent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCommand {
    /// How the node is reached.
    pub connection: Connection,
    /// What a recording calls it.
    pub title: &'static str,
    /// Its words.
    pub words: Vec<String>,
}

/// What the engine asks of the world.
pub trait Host: Send + Sync + 'static {
    /// Copies closures over the node's connection.
    fn copy(
        &self,
        connection: &Connection,
        request: &CopyRequest,
        on_line: LineSink<'_>,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Calls the agent over the node's connection, and hands over the lines of its answer.
    fn call(
        &self,
        call: &AgentCall,
        on_line: LineSink<'_>,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Makes sure that this call's sudo lets calls through from now on: where it asks for a
    /// password, the operator is asked, and the answer is kept for this run, also for the address
    /// that the node may have later.
    fn unlock(
        &self,
        call: &AgentCall,
        moved: Option<&Connection>,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Calls the agent over a login of its own, which proves that the node can be reached.
    fn call_afresh(
        &self,
        call: &AgentCall,
        on_line: LineSink<'_>,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Runs another command over the node's connection, and hands over the lines it prints.
    fn run_command(
        &self,
        command: &RemoteCommand,
        on_line: LineSink<'_>,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Runs another command over a login of its own.
    fn run_command_afresh(
        &self,
        command: &RemoteCommand,
        on_line: LineSink<'_>,
    ) -> impl Future<Output = Result<(), HostError>> + Send;
}

/// A node that did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The connection could not be made, or was lost.
    #[error(transparent)]
    Ssh(#[from] SshError),
    /// A program that was to run here or there failed.
    #[error("{doing} failed: {detail}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// Its last words, in one line.
        detail: String,
        /// Its last lines.
        tail: Vec<String>,
    },
}

impl HostError {
    /// Returns whether the node could not be reached, rather than refused something.
    pub fn is_unreachable(&self) -> bool {
        self.kind().is_some_and(SshErrorKind::is_unreachable)
    }

    /// Returns whether the node was there, and its connection ended.
    pub fn is_lost(&self) -> bool {
        self.kind() == Some(SshErrorKind::Lost)
    }

    /// Returns whether the agent failed, or could not be run.
    pub fn is_of_agent(&self) -> bool {
        matches!(self, Self::Failed { doing, .. } if *doing == RUNNING_AGENT)
    }

    /// Returns what is wrong with the connection, if it is the connection.
    pub fn kind(&self) -> Option<SshErrorKind> {
        match self {
            Self::Ssh(error) => Some(error.kind),
            Self::Failed { .. } => None,
        }
    }

    /// Returns the last lines of what failed.
    pub fn tail(&self) -> Vec<String> {
        match self {
            Self::Ssh(_) => Vec::new(),
            Self::Failed { tail, .. } => tail.clone(),
        }
    }
}
