//! Taking back what runs that died have left, before anything is planned on top of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::agents::Agents;
use super::event::Event;
use super::result::describe_recovery;
use super::settle::settle;
use super::shipment::Shipment;
use super::sink::EventSink;
use super::unlock::LockedSudo;
use crate::config::{FleetNode, FleetProfile};
use crate::host::{AgentCall, Host, HostError};
use crate::model::{AbsolutePath, Connection, NodeName, Operator, ProfileName, RunId, StorePath};
use crate::plan::{NodeFacts, NodeObservation};
use crate::protocol::{ActivationResult, AgentCommand, AgentMessage, Phase, Recovery};

/// A run that has not ended, and that nobody works on any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The node.
    pub node: NodeName,
    /// The profile.
    pub profile: ProfileName,
    /// The profile link.
    pub profile_path: AbsolutePath,
    /// Who started the run.
    pub operator: Operator,
    /// How far it came.
    pub phase: Phase,
    connection: Connection,
    sudo: Option<Vec<String>>,
    interactive_sudo: bool,
    substitute: bool,
    system: Option<String>,
    nix_folder: Option<AbsolutePath>,
}

impl Unfinished {
    /// Returns the sudo through which it is recovered, where that may ask for a password.
    pub fn locked_sudo(&self) -> Option<LockedSudo> {
        let sudo = self.sudo.clone().filter(|_| self.interactive_sudo)?;
        Some(LockedSudo {
            node: self.node.clone(),
            connection: self.connection.clone(),
            moved: None,
            sudo,
            system: self.system.clone(),
            nix_folder: self.nix_folder.clone(),
        })
    }
}

/// What recovering needs of the world.
#[derive(Debug)]
pub struct RecoveryContext<H> {
    /// The run that asks for it.
    pub run: RunId,
    /// The nodes.
    pub host: H,
    /// The agents that can be sent to nodes.
    pub agents: Arc<Agents>,
    /// Where facts go.
    pub sink: EventSink,
}

/// Returns the runs of these nodes' profiles that are to be recovered.
pub fn find_unfinished<'a>(
    nodes: impl IntoIterator<Item = &'a FleetNode>,
    observations: &BTreeMap<NodeName, NodeObservation>,
) -> Vec<Unfinished> {
    let mut unfinished = Vec::new();
    for node in nodes {
        let Some(NodeObservation::Ok(facts)) = observations.get(&node.name) else {
            continue;
        };
        let found = |profile: &FleetProfile| unfinished_of(node, profile, facts);
        unfinished.extend(node.profiles.iter().filter_map(found));
    }
    unfinished
}

fn unfinished_of(
    node: &FleetNode,
    profile: &FleetProfile,
    facts: &NodeFacts,
) -> Option<Unfinished> {
    let observed = facts.profiles.get(&profile.name)?;
    let journal = observed.interrupted()?;
    Some(Unfinished {
        node: node.name.clone(),
        profile: profile.name.clone(),
        profile_path: observed.profile_path.clone(),
        operator: journal.operator.clone(),
        phase: journal.phase,
        connection: profile.connection.clone(),
        sudo: profile.settings.sudo.clone(),
        interactive_sudo: profile.settings.interactive_sudo,
        substitute: !profile.settings.fast_connection,
        system: facts.system.clone(),
        nix_folder: facts.hidden_nix(),
    })
}

/// Recovers all of them, the nodes at the same time, and says what came of each. Returns those that
/// a person must look at. One that could not be begun is left to whoever would change the profile
/// next: its agent refuses for the same reason.
pub async fn recover<H: Host>(
    context: Arc<RecoveryContext<H>>,
    unfinished: Vec<Unfinished>,
) -> Vec<String> {
    let mut by_node = BTreeMap::<NodeName, Vec<Unfinished>>::new();
    for one in unfinished {
        by_node.entry(one.node.clone()).or_default().push(one);
    }
    let mut recovering = JoinSet::new();
    for unfinished in by_node.into_values() {
        let context = Arc::clone(&context);
        recovering.spawn(async move {
            let mut broken = Vec::new();
            for one in unfinished {
                let (message, is_broken) = match recover_one(&context, &one).await {
                    Ok(message) => (message, false),
                    Err(message) => (message, true),
                };
                if is_broken {
                    broken.push(format!("{}.{}: {message}", one.node, one.profile));
                }
                context.sink.send(Event::Noted {
                    node: Some(one.node.clone()),
                    message: format!("{}: {message}", one.profile),
                });
            }
            broken
        });
    }
    recovering.join_all().await.into_iter().flatten().collect()
}

/// Returns what came of it; an error where it is half back, and a person is needed.
async fn recover_one<H: Host>(
    context: &RecoveryContext<H>,
    one: &Unfinished,
) -> Result<String, String> {
    let operator = &one.operator;
    let Some(system) = &one.system else {
        return Ok("not recovered: the node's system is not known".to_owned());
    };
    let agent = match context.agents.for_system(system).await {
        Ok(agent) => agent,
        Err(error) => return Ok(format!("not recovered: {error}")),
    };
    Ok(match run_agent(context, one, agent).await {
        Ok((Some(recovery), ActivationResult::AlreadyDone { .. })) => {
            format!("recovered: {}", describe_recovery(operator, recovery))
        }
        Ok((None, ActivationResult::AlreadyDone { .. })) => {
            format!("recovered: the unfinished run of {operator} has ended meanwhile")
        }
        Ok((_, ActivationResult::Locked { .. })) => {
            format!("not recovered: another run works on what {operator} left")
        }
        Ok((_, ActivationResult::RollbackFailed { detail, .. })) => {
            return Err(format!(
                "the unfinished run of {operator} could not be taken back: {detail}"
            ));
        }
        Ok((_, ActivationResult::NotStarted { reason })) => format!("not recovered: {reason}"),
        Ok((_, _)) => "not recovered: the agent gave an unexpected answer".to_owned(),
        Err(error) => format!("not recovered: {error}"),
    })
}

async fn run_agent<H: Host>(
    context: &RecoveryContext<H>,
    one: &Unfinished,
    agent: StorePath,
) -> Result<(Option<Recovery>, ActivationResult), HostError> {
    let shipment = Shipment {
        run: &context.run,
        connection: &one.connection,
        agent: &agent,
        copied: BTreeSet::new(),
        present: BTreeSet::new(),
        substitute: one.substitute,
        nix_folder: one.nix_folder.clone(),
        sudos: one.sudo.iter().collect(),
    };
    shipment.send(&context.host, &mut |_| {}).await?;
    let call = |sudo: Option<Vec<String>>, command| AgentCall {
        connection: one.connection.clone(),
        sudo,
        agent: agent.clone(),
        command,
    };
    let command = AgentCommand::Recover {
        run: context.run.clone(),
        profile_path: one.profile_path.clone(),
    };
    let mut recovery = None;
    let mut on_message = |message: &AgentMessage| {
        if let AgentMessage::Recovered { recovery: done, .. } = message {
            recovery = Some(*done);
        }
    };
    let call_recover = call(one.sudo.clone(), command);
    let result = settle(&context.host, &call_recover, &mut on_message).await;
    let release = AgentCommand::Release {
        run: context.run.clone(),
    };
    // What was kept for it costs nothing but space.
    context
        .host
        .call(&call(None, release), &mut |_| {})
        .await
        .ok();
    Ok((recovery, result?))
}
