//! The copy step: closures and agent to one node, kept there until the run ends.

use std::collections::BTreeMap;

use super::again::Again;
use super::agent_call::agent_of;
use super::context::RunContext;
use super::legacy;
use super::shipment::Shipment;
use super::step_end::StepEnd;
use super::step_log::StepLog;
use crate::host::{Host, HostError};
use crate::model::{Connection, NodeName, StorePath};
use crate::plan::{Action, PlannedProfile};
use crate::schedule::Outcome;

/// Copies what the profiles of `node` need, and proves that the agent runs there as their users.
pub(super) async fn run<H: Host>(
    context: &RunContext<H>,
    node: &NodeName,
    log: &mut StepLog,
) -> StepEnd {
    let agent = match agent_of(context, node).await {
        Ok(agent) => Some(agent),
        Err(_) if legacy::is_chosen(context, node) => None,
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
        let agent = agent.as_ref();
        if let Err(error) = keep_preparing(context, (connection, &profiles), agent, log).await {
            return failed(&error);
        }
    }
    StepEnd::from(Outcome::Done { generation: None })
}

/// The node was there when it was read. Where its connection is lost, what it has got by then
/// stays, and only the rest is copied over a new one.
async fn keep_preparing<H: Host>(
    context: &RunContext<H>,
    (connection, profiles): (&Connection, &[&PlannedProfile]),
    agent: Option<&StorePath>,
    log: &mut StepLog,
) -> Result<(), HostError> {
    let node = profiles.first().map(|profile| &profile.node);
    let mut again = Again::new(&context.sink, node);
    loop {
        let prepared = match agent {
            Some(agent) => with_agent(context, (connection, profiles), agent, log).await,
            None => legacy::copy(context, connection, profiles, log).await,
        };
        let Err(error) = prepared else {
            return Ok(());
        };
        if !again.is_worth_it(&error, "copying the rest").await {
            return Err(error);
        }
    }
}

/// Sends our agent, unless it does not start there.
async fn with_agent<H: Host>(
    context: &RunContext<H>,
    (connection, profiles): (&Connection, &[&PlannedProfile]),
    agent: &StorePath,
    log: &mut StepLog,
) -> Result<(), HostError> {
    let Err(error) = prepare(context, connection, profiles, agent, log).await else {
        return Ok(());
    };
    let Some(profile) = profiles.first() else {
        return Err(error);
    };
    let place = (&profile.node, connection);
    if legacy::is_needed_after(context, place, agent, &error).await {
        return legacy::copy(context, connection, profiles, log).await;
    }
    Err(error)
}

async fn prepare<H: Host>(
    context: &RunContext<H>,
    connection: &Connection,
    profiles: &[&PlannedProfile],
    agent: &StorePath,
    log: &mut StepLog,
) -> Result<(), HostError> {
    let (present, copied): (Vec<&PlannedProfile>, _) = profiles
        .iter()
        .partition(|profile| profile.action == Action::RollBack || profile.built_there().is_some());
    let targets = |profiles: Vec<&PlannedProfile>| {
        let profiles = profiles.into_iter();
        profiles
            .map(|profile| profile.target.path.clone())
            .collect()
    };
    let node = profiles
        .first()
        .and_then(|profile| context.plan.node(&profile.node));
    let shipment = Shipment {
        run: &context.run,
        connection,
        agent,
        copied: targets(copied),
        present: targets(present),
        substitute: profiles
            .iter()
            .all(|profile| !profile.settings.fast_connection),
        nix_folder: node.and_then(|node| node.nix_folder.clone()),
        sudos: profiles
            .iter()
            .filter_map(|profile| profile.settings.sudo.as_ref())
            .collect(),
    };
    shipment
        .send(&context.host, &mut |line| log.line(line))
        .await
}

pub(super) fn failed(error: &HostError) -> StepEnd {
    let outcome = if error.is_unreachable() {
        Outcome::Unreachable {
            message: error.to_string(),
        }
    } else {
        Outcome::Failed {
            message: format!(
                "{error}; nothing was changed on this node{}",
                hint(&error.tail())
            ),
        }
    };
    StepEnd {
        outcome,
        tail: error.tail(),
    }
}

/// What to do about the failures that people meet.
pub(super) fn hint(said: &[String]) -> &'static str {
    let text = said.join("\n");
    if text.contains("lacks a valid signature") || text.contains("lacks a signature") {
        ". The node's store takes unsigned paths from trusted users only: add sshUser to its trusted-users, or sign the paths"
    } else if text.contains("protocol mismatch") {
        ". A shell start-up file prints text on login, which Nix takes for the store's answer: print only where the shell is interactive"
    } else if text.contains("a password is required") || text.contains("may not run sudo") {
        ". Let sudo run the agent without a password for sshUser, set interactiveSudo, or log in as the profile's user"
    } else if text.contains("No space left on device") || text.contains("disk is full") {
        ". Free space on the node, for example with nix-collect-garbage"
    } else {
        ""
    }
}
