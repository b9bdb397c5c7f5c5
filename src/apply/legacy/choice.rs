//! Whether deploy-rs's agent is what a node is deployed through, and proving that it starts there.

use std::collections::BTreeSet;

use super::super::agent_call::ask;
use super::super::context::RunContext;
use super::super::event::Event;
use super::super::step_log::StepLog;
use super::words::{Dialect, LegacyAgent};
use crate::host::{AgentCall, Host, HostError, RemoteCommand};
use crate::model::{Connection, NodeName, StorePath};
use crate::nix::{CopyProtocol, CopyRequest};
use crate::plan::{NO_AGENT, PlannedProfile};
use crate::protocol::{AgentCommand, Handshake};

/// What the system says of a program that is still written.
const BEING_WRITTEN: &str = "Text file busy";

/// Returns whether the node has to do with the agents in its closures.
pub(in crate::apply) fn is_chosen<H>(context: &RunContext<H>, node: &NodeName) -> bool {
    let system = context
        .plan
        .node(node)
        .and_then(|node| node.system.as_deref());
    let has_none = system.is_some_and(|system| !context.agents.has(system));
    has_none || context.agents.is_unfit_for(node)
}

/// Returns whether preparing the node has failed because our agent does not start there, and says
/// so. `sent` is that agent.
pub(in crate::apply) async fn is_needed_after<H: Host>(
    context: &RunContext<H>,
    (node, connection): (&NodeName, &Connection),
    sent: &StorePath,
    error: &HostError,
) -> bool {
    if !error.is_of_agent() {
        return false;
    }
    let call = AgentCall {
        connection: connection.clone(),
        sudo: None,
        agent: sent.clone(),
        command: AgentCommand::Handshake,
    };
    match ask::<H, Handshake>(&context.host, &call).await {
        Ok(_) => false,
        Err(error) if error.is_unreachable() => false,
        // Somebody else is just sending the same agent; it will start.
        Err(error) if error.to_string().contains(BEING_WRITTEN) => false,
        Err(error) => {
            context.agents.set_unfit_for(node);
            context.sink.send(Event::Noted {
                node: Some(node.clone()),
                message: format!("our agent does not start there ({error}); {NO_AGENT}"),
            });
            true
        }
    }
}

/// Copies the targets of these profiles, and proves that the agents in them start.
pub(in crate::apply) async fn copy<H: Host>(
    context: &RunContext<H>,
    connection: &Connection,
    profiles: &[&PlannedProfile],
    log: &mut StepLog,
) -> Result<(), HostError> {
    let copied = profiles
        .iter()
        .filter(|profile| profile.built_there().is_none());
    let paths: BTreeSet<StorePath> = copied.map(|profile| profile.target.path.clone()).collect();
    let node = profiles
        .first()
        .and_then(|profile| context.plan.node(&profile.node));
    let folder = node.and_then(|node| node.nix_folder.as_ref());
    let request = CopyRequest {
        paths: paths.into_iter().collect(),
        derivations: false,
        protocol: CopyProtocol::Serve,
        substitute: profiles
            .iter()
            .all(|profile| !profile.settings.fast_connection),
        nix_folder: folder.cloned(),
    };
    if !request.paths.is_empty() {
        let host = &context.host;
        host.copy(connection, &request, &mut |line| log.line(line))
            .await?;
    }
    for profile in profiles {
        if let Ok(agent) = LegacyAgent::of(profile, &context.run) {
            dialect(&context.host, profile, &agent).await?;
        }
    }
    Ok(())
}

/// Asks the agent what it understands.
pub(super) async fn dialect<H: Host>(
    host: &H,
    profile: &PlannedProfile,
    agent: &LegacyAgent<'_>,
) -> Result<Dialect, HostError> {
    let mut help = [String::new(), String::new()];
    for (text, command) in help.iter_mut().zip(["activate", "wait"]) {
        let command = RemoteCommand {
            connection: profile.connection.clone(),
            title: "ask deploy-rs's agent",
            words: agent.help(command),
        };
        let mut on_line = |line: &str| text.extend([line, "\n"]);
        let asked = host.run_command(&command, &mut on_line).await;
        asked.map_err(|error| without_password(profile, error))?;
    }
    let [activate, wait] = help;
    Ok(Dialect::of_help(&activate, &wait))
}

/// Says why nobody was asked, of a sudo that may have wanted a password.
fn without_password(profile: &PlannedProfile, error: HostError) -> HostError {
    let settings = &profile.settings;
    let HostError::Failed {
        doing,
        detail,
        tail,
    } = error
    else {
        return error;
    };
    let hint = if settings.interactive_sudo && settings.sudo.is_some() {
        " (where sudo wants a password: interactiveSudo gives one to our own agent only, which does not start there)"
    } else {
        ""
    };
    HostError::Failed {
        doing,
        detail: format!("{detail}{hint}"),
        tail,
    }
}
