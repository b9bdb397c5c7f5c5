//! What must be on a node before its agent is called there.

use std::collections::BTreeSet;

use super::agent_call::{agent_failed, ask, check_protocol};
use crate::host::{AgentCall, Host, HostError, LineSink};
use crate::model::{AbsolutePath, Connection, RunId, StorePath};
use crate::nix::{CopyProtocol, CopyRequest};
use crate::protocol::{AgentCommand, Handshake, Hold};

/// The agent, and the paths that it is called for.
#[derive(Debug)]
pub(super) struct Shipment<'a> {
    /// The run that keeps the paths from garbage collection on the node.
    pub(super) run: &'a RunId,
    /// How the node is reached.
    pub(super) connection: &'a Connection,
    /// The agent.
    pub(super) agent: &'a StorePath,
    /// What is copied with it.
    pub(super) copied: BTreeSet<StorePath>,
    /// What must be there already.
    pub(super) present: BTreeSet<StorePath>,
    /// Whether the node may substitute.
    pub(super) substitute: bool,
    /// The folder of Nix's programs, where the PATH of SSH sessions does not have it.
    pub(super) nix_folder: Option<AbsolutePath>,
    /// The words of the sudo commands under which the agent will be called.
    pub(super) sudos: BTreeSet<&'a Vec<String>>,
}

impl Shipment<'_> {
    /// Sends it, keeps it there, and proves that the agent runs as the profiles' users.
    pub(super) async fn send<H: Host>(
        &self,
        host: &H,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        let request = self.copy_request();
        host.copy(self.connection, &request, on_line).await?;
        // What a garbage collection took between copying and keeping is copied once more.
        if !self.hold(host).await?.is_empty() {
            host.copy(self.connection, &request, on_line).await?;
            if let Some(path) = self.hold(host).await?.first() {
                return Err(agent_failed(format!(
                    "{path} is not valid on the node although it was copied"
                )));
            }
        }
        for sudo in &self.sudos {
            self.handshake(host, sudo).await?;
        }
        Ok(())
    }

    fn copy_request(&self) -> CopyRequest {
        let mut paths = self.copied.clone();
        paths.insert(self.agent.clone());
        CopyRequest {
            paths: paths.into_iter().collect(),
            derivations: false,
            protocol: CopyProtocol::Serve,
            substitute: self.substitute,
            nix_folder: self.nix_folder.clone(),
        }
    }

    /// Keeps all paths on the node, and returns those that must be copied again.
    async fn hold<H: Host>(&self, host: &H) -> Result<Vec<StorePath>, HostError> {
        let mut paths: BTreeSet<StorePath> = self.copied.union(&self.present).cloned().collect();
        paths.insert(self.agent.clone());
        let command = AgentCommand::Hold {
            run: self.run.clone(),
            paths: paths.into_iter().collect(),
        };
        let answer: Hold = ask(host, &self.call(None, command)).await?;
        check_protocol(answer.protocol)?;
        match answer
            .missing
            .iter()
            .find(|path| self.present.contains(path))
        {
            Some(gone) => Err(agent_failed(format!("{gone} is no longer on the node"))),
            None => Ok(answer.missing),
        }
    }

    /// Runs the agent once as a profile's user, before anything is changed: what sudo refuses, it
    /// refuses here.
    async fn handshake<H: Host>(&self, host: &H, sudo: &[String]) -> Result<(), HostError> {
        let call = self.call(Some(sudo.to_vec()), AgentCommand::Handshake);
        let answer: Handshake = ask(host, &call).await?;
        check_protocol(answer.protocol)
    }

    fn call(&self, sudo: Option<Vec<String>>, command: AgentCommand) -> AgentCall {
        AgentCall {
            connection: self.connection.clone(),
            sudo,
            agent: self.agent.clone(),
            command,
        }
    }
}
