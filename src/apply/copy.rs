//! The copy step: closures and agent to one node, kept there until the run ends.

use std::collections::{BTreeMap, BTreeSet};

use super::agent_call::{agent_failed, agent_of, ask, check_protocol};
use super::context::RunContext;
use super::step_end::StepEnd;
use super::step_log::StepLog;
use crate::host::{AgentCall, Host, HostError};
use crate::model::{AbsolutePath, Connection, NodeName, StorePath};
use crate::nix::CopyRequest;
use crate::plan::{Action, PlannedProfile};
use crate::protocol::{AgentCommand, Handshake, Hold};
use crate::schedule::Outcome;

/// Copies what the profiles of `node` need, and proves that the agent runs there as their users.
pub(super) async fn run<H: Host>(
    context: &RunContext<H>,
    node: &NodeName,
    log: &mut StepLog,
) -> StepEnd {
    let agent = match agent_of(context, node).await {
        Ok(agent) => agent,
        Err(message) => return StepEnd::from(Outcome::Failed { message }),
    };
    let mut by_connection = BTreeMap::<&Connection, Vec<&PlannedProfile>>::new();
    for profile in context
        .plan
        .profiles_of(node)
        .filter(|profile| profile.action != Action::Unchanged)
    {
        by_connection
            .entry(&profile.connection)
            .or_default()
            .push(profile);
    }
    for (connection, profiles) in by_connection {
        if let Err(error) = prepare(context, connection, &profiles, &agent, log).await {
            return failed(&error);
        }
    }
    StepEnd::from(Outcome::Done { generation: None })
}

async fn prepare<H: Host>(
    context: &RunContext<H>,
    connection: &Connection,
    profiles: &[&PlannedProfile],
    agent: &StorePath,
    log: &mut StepLog,
) -> Result<(), HostError> {
    let mut paths: BTreeSet<StorePath> = profiles
        .iter()
        .map(|profile| profile.target.path.clone())
        .collect();
    paths.insert(agent.clone());
    let paths: Vec<StorePath> = paths.into_iter().collect();
    let request = CopyRequest {
        paths: paths.clone(),
        substitute: profiles
            .iter()
            .all(|profile| !profile.settings.fast_connection),
        remote_program: remote_program(context, profiles),
    };
    context
        .host
        .copy(connection, &request, &mut |line| log.line(line))
        .await?;
    // What a garbage collection took between copying and keeping is copied once more.
    if !hold(context, connection, agent, &paths).await?.is_empty() {
        context
            .host
            .copy(connection, &request, &mut |line| log.line(line))
            .await?;
        let missing = hold(context, connection, agent, &paths).await?;
        if let Some(path) = missing.first() {
            return Err(agent_failed(format!(
                "{path} is not valid on the node although it was copied"
            )));
        }
    }
    let sudos: BTreeSet<&Vec<String>> = profiles
        .iter()
        .filter_map(|profile| profile.settings.sudo.as_ref())
        .collect();
    for sudo in sudos {
        handshake(context, connection, agent, sudo).await?;
    }
    Ok(())
}

fn remote_program<H>(
    context: &RunContext<H>,
    profiles: &[&PlannedProfile],
) -> Option<AbsolutePath> {
    let node = context.plan.node(&profiles.first()?.node)?;
    format!("{}/nix-store", node.nix_folder.as_ref()?)
        .parse()
        .ok()
}

async fn hold<H: Host>(
    context: &RunContext<H>,
    connection: &Connection,
    agent: &StorePath,
    paths: &[StorePath],
) -> Result<Vec<StorePath>, HostError> {
    let command = AgentCommand::Hold {
        run: context.run.clone(),
        paths: paths.to_vec(),
    };
    let call = AgentCall {
        connection: connection.clone(),
        sudo: None,
        agent: agent.clone(),
        command,
    };
    let answer: Hold = ask(&context.host, &call).await?;
    check_protocol(answer.protocol)?;
    Ok(answer.missing)
}

/// Runs the agent once as a profile's user, before anything is changed: what sudo refuses, it
/// refuses here.
async fn handshake<H: Host>(
    context: &RunContext<H>,
    connection: &Connection,
    agent: &StorePath,
    sudo: &[String],
) -> Result<(), HostError> {
    let call = AgentCall {
        connection: connection.clone(),
        sudo: Some(sudo.to_vec()),
        agent: agent.clone(),
        command: AgentCommand::Handshake,
    };
    let answer: Handshake = ask(&context.host, &call).await?;
    check_protocol(answer.protocol)
}

fn failed(error: &HostError) -> StepEnd {
    let outcome = if error.is_unreachable() {
        Outcome::Unreachable {
            message: error.to_string(),
        }
    } else {
        Outcome::Failed {
            message: format!("{error}; nothing was changed on this node{}", hint(error)),
        }
    };
    StepEnd {
        outcome,
        tail: error.tail(),
    }
}

/// What to do about the failures that people meet.
fn hint(error: &HostError) -> &'static str {
    let text = error.tail().join("\n");
    if text.contains("lacks a valid signature") || text.contains("lacks a signature") {
        ". The node's store takes unsigned paths from trusted users only: add sshUser to its trusted-users, or sign the paths"
    } else if text.contains("protocol mismatch") {
        ". A shell start-up file prints text on login, which Nix takes for the store's answer: print only where the shell is interactive"
    } else if text.contains("a password is required") || text.contains("may not run sudo") {
        ". Let sudo run the agent without a password for sshUser, or log in as the profile's user"
    } else if text.contains("No space left on device") || text.contains("disk is full") {
        ". Free space on the node, for example with nix-collect-garbage"
    } else {
        ""
    }
}
