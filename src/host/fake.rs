//! Nodes that answer from a script, for tests of the engine.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{AgentCall, Host, HostError, LineSink, RemoteCommand};
use crate::model::{Connection, ProfileState};
use crate::nix::CopyRequest;
use crate::protocol::{
    ActivationResult, AgentCommand, AgentMessage, ConfirmReply, FailureReason, Hold,
    PROTOCOL_VERSION, to_line,
};
use crate::ssh::SshError;

/// How long each call takes, in the test's own time.
const CALL: Duration = Duration::from_secs(1);

/// What a node does, by its host name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// Copying fails with this.
    pub(crate) copy_fails: Option<HostError>,
    /// How the activation ends; without one the connection is lost after the wait began.
    pub(crate) result: Option<ActivationResult>,
    /// How it ends when it is found again.
    pub(crate) attached: Option<ActivationResult>,
    /// Whether it waits for a confirmation first, and ends only when that came.
    pub(crate) waits: bool,
}

/// Nodes that answer from a script.
#[derive(Debug, Default)]
pub(crate) struct FakeHost {
    scripts: BTreeMap<String, Script>,
    calls: Mutex<Vec<String>>,
    pub(crate) most_at_once: AtomicUsize,
    at_once: AtomicUsize,
    confirmed: Mutex<BTreeMap<String, bool>>,
}

impl FakeHost {
    /// Returns nodes with these scripts, by host name.
    pub(crate) fn new<const N: usize>(scripts: [(&str, Script); N]) -> Self {
        let scripts = scripts
            .map(|(name, script)| (name.to_owned(), script))
            .into();
        Self {
            scripts,
            ..Self::default()
        }
    }

    /// Returns what was asked, as `host: command`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn script(&self, connection: &Connection) -> Script {
        self.scripts
            .get(connection.hostname.as_str())
            .cloned()
            .unwrap_or_default()
    }

    async fn take_time(&self, connection: &Connection, what: &str) {
        let call = format!("{}: {what}", connection.hostname);
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(CALL).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
    }

    fn set_confirmed(&self, connection: &Connection, is_confirmed: bool) {
        let mut confirmed = self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        confirmed.insert(connection.hostname.to_string(), is_confirmed);
    }

    fn is_confirmed(&self, connection: &Connection) -> bool {
        let confirmed = self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        confirmed
            .get(connection.hostname.as_str())
            .copied()
            .unwrap_or_default()
    }

    async fn activate(
        &self,
        connection: &Connection,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        let script = self.script(connection);
        self.set_confirmed(connection, false);
        let hello = AgentMessage::Hello {
            protocol: PROTOCOL_VERSION,
            log: String::new(),
        };
        on_line(&to_line(&hello));
        if script.waits {
            on_line(&to_line(&AgentMessage::Waiting { seconds: 30 }));
            while script.result.is_some() && !self.is_confirmed(connection) {
                tokio::time::sleep(CALL / 10).await;
            }
        }
        let lost = || SshError::lost("the connection was lost");
        let result = script.result.ok_or_else(lost)?;
        on_line(&to_line(&AgentMessage::Result { result }));
        Ok(())
    }
}

impl Host for FakeHost {
    async fn copy(
        &self,
        connection: &Connection,
        _request: &CopyRequest,
        _on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        self.take_time(connection, "copy").await;
        self.script(connection).copy_fails.map_or(Ok(()), Err)
    }

    async fn call(&self, call: &AgentCall, on_line: LineSink<'_>) -> Result<(), HostError> {
        let arguments = call.command.arguments();
        self.take_time(&call.connection, &arguments[0]).await;
        match &call.command {
            AgentCommand::Hold { .. } => {
                on_line(&to_line(&Hold {
                    protocol: PROTOCOL_VERSION,
                    missing: vec![],
                }));
                Ok(())
            }
            AgentCommand::Start(_) => self.activate(&call.connection, on_line).await,
            AgentCommand::Attach { .. } => {
                let lost = || SshError::lost("still lost");
                let result = self.script(&call.connection).attached.ok_or_else(lost)?;
                on_line(&to_line(&AgentMessage::Result { result }));
                Ok(())
            }
            AgentCommand::Revoke { .. } => {
                let result = ActivationResult::RolledBack {
                    reason: FailureReason::Revoked,
                    state: ProfileState::Absent {
                        highest_generation: None,
                    },
                };
                on_line(&to_line(&AgentMessage::Result { result }));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn unlock(&self, call: &AgentCall, _moved: Option<&Connection>) -> Result<(), HostError> {
        self.take_time(&call.connection, "unlock").await;
        Ok(())
    }

    async fn call_afresh(&self, call: &AgentCall, on_line: LineSink<'_>) -> Result<(), HostError> {
        self.take_time(&call.connection, "confirm").await;
        self.set_confirmed(&call.connection, true);
        on_line(&to_line(&ConfirmReply::Confirmed));
        Ok(())
    }

    async fn run_command(
        &self,
        command: &RemoteCommand,
        _on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        self.take_time(&command.connection, command.title).await;
        Ok(())
    }

    async fn run_command_afresh(
        &self,
        command: &RemoteCommand,
        _on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        self.take_time(&command.connection, command.title).await;
        Ok(())
    }
}
