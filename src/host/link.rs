//! A way to run commands on a node: over ssh, or at once where the node is this machine.

use super::local::{local_bytes, local_lines};
use crate::process::Answers;
use crate::ssh::{RemoteFinished, SshError, SshLink};

/// A way to run commands on a node.
#[derive(Debug)]
pub enum Link {
    /// One login for all commands of a run.
    Ssh(Box<SshLink>),
    /// The node is this machine.
    Local,
}

impl Link {
    /// Runs a command, which is text for the login shell (see [`crate::ssh::quote_words`]), and
    /// hands over each line of its standard output. `titled` begins with what a recording calls
    /// it; without `answers` there is nothing for it to read.
    pub async fn run_lines(
        &self,
        titled: (&str, &str),
        answers: Option<&mut dyn Answers>,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<RemoteFinished, SshError> {
        match self {
            Self::Ssh(link) => link.run_lines(titled, answers, on_line).await,
            Self::Local => local_lines(titled, answers, on_line).await,
        }
    }

    /// Runs a command with this input, and returns everything that it writes to standard output.
    pub async fn run_bytes(
        &self,
        titled: (&str, &str),
        input: &[u8],
    ) -> Result<(RemoteFinished, Vec<u8>), SshError> {
        match self {
            Self::Ssh(link) => link.run_bytes(titled, input).await,
            Self::Local => local_bytes(titled, input).await,
        }
    }

    /// Returns whether it can still be used.
    pub(super) async fn is_alive(&self) -> bool {
        match self {
            Self::Ssh(link) => link.is_alive().await,
            Self::Local => true,
        }
    }

    /// Ends it.
    pub(super) async fn close(&self) {
        match self {
            Self::Ssh(link) => link.close().await,
            Self::Local => {}
        }
    }
}
