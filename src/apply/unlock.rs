//! Passwords for sudo, asked for before anything is changed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::agents::Agents;
use super::shipment::Shipment;
use crate::host::{AgentCall, Host, HostError};
use crate::model::{AbsolutePath, Connection, NodeName, RunId, UserName};
use crate::plan::{Action, Plan, PlannedProfile};
use crate::protocol::AgentCommand;

/// A sudo of a node that may ask for a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedSudo {
    /// The node.
    pub node: NodeName,
    /// How it is reached.
    pub connection: Connection,
    /// How it is reached after an activation that moves it.
    pub moved: Option<Connection>,
    /// The words up to the user's name.
    pub sudo: Vec<String>,
    /// The node's system.
    pub system: Option<String>,
    /// The folder of Nix's programs, where the PATH of SSH sessions does not have it.
    pub nix_folder: Option<AbsolutePath>,
}

/// A sudo that does not let the agent be called.
#[derive(Debug, thiserror::Error)]
#[error("sudo on {node} does not let {user} run the agent: {source}")]
pub struct UnlockError {
    node: NodeName,
    user: UserName,
    source: HostError,
}

/// Returns those that the profiles which the plan changes need.
pub fn locked_sudos(plan: &Plan) -> Vec<LockedSudo> {
    let is_concerned = |profile: &&PlannedProfile| {
        profile.settings.interactive_sudo && profile.action != Action::Unchanged
    };
    let locked = |profile: &PlannedProfile| {
        let node = plan.node(&profile.node);
        Some(LockedSudo {
            node: profile.node.clone(),
            connection: profile.connection.clone(),
            moved: profile.settings.confirm_connection.clone(),
            sudo: profile.settings.sudo.clone()?,
            system: node.and_then(|node| node.system.clone()),
            nix_folder: node.and_then(|node| node.nix_folder.clone()),
        })
    };
    let profiles = plan.profiles.iter().filter(is_concerned);
    profiles.filter_map(locked).collect()
}

/// What unlocking needs of the world.
#[derive(Debug)]
pub struct Unlocking<'a, H> {
    /// The nodes.
    pub host: &'a H,
    /// The agents that can be sent to nodes.
    pub agents: &'a Agents,
    /// The run that comes after it.
    pub run: &'a RunId,
}

impl<H: Host> Unlocking<'_, H> {
    /// Sends the agent to the nodes, and runs it there once through each sudo, one after the other,
    /// as the operator can answer only one. A node to which it cannot be sent is left to the steps,
    /// which meet the same and go on without it.
    pub async fn unlock(&self, locked: &[LockedSudo]) -> Result<(), UnlockError> {
        let nodes: BTreeMap<&Connection, &LockedSudo> =
            locked.iter().map(|one| (&one.connection, one)).collect();
        let sending = nodes.values().map(|one| self.send(one));
        let sent = join_all(sending).await.into_iter().flatten();
        let sent: BTreeMap<&Connection, AgentCall> = sent.collect();
        let mut asked = BTreeSet::new();
        for one in locked {
            let Some(release) = sent.get(&one.connection) else {
                continue;
            };
            if !asked.insert((&one.connection, &one.moved, &one.sudo)) {
                continue;
            }
            let call = AgentCall {
                sudo: Some(one.sudo.clone()),
                command: AgentCommand::Handshake,
                ..release.clone()
            };
            match self.host.unlock(&call, one.moved.as_ref()).await {
                Err(source) if !source.is_unreachable() => {
                    self.release(sent.values()).await;
                    return Err(UnlockError {
                        node: one.node.clone(),
                        user: one.connection.ssh_user.clone(),
                        source,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the call that lets go of what was sent.
    async fn send<'a>(&self, one: &'a LockedSudo) -> Option<(&'a Connection, AgentCall)> {
        let system = one.system.as_deref()?;
        let agent = self.agents.for_system(system).await.ok()?;
        let shipment = Shipment {
            run: self.run,
            connection: &one.connection,
            agent: &agent,
            copied: BTreeSet::new(),
            present: BTreeSet::new(),
            substitute: false,
            nix_folder: one.nix_folder.clone(),
            sudos: BTreeSet::new(),
        };
        shipment.send(self.host, &mut |_| {}).await.ok()?;
        let release = AgentCall {
            connection: one.connection.clone(),
            sudo: None,
            agent,
            command: AgentCommand::Release {
                run: self.run.clone(),
            },
        };
        Some((&one.connection, release))
    }

    /// Nothing will be done on these nodes. What stays in spite of this costs nothing but space.
    async fn release(&self, calls: impl Iterator<Item = &AgentCall>) {
        join_all(calls.map(async |call| self.host.call(call, &mut |_| {}).await)).await;
    }
}
