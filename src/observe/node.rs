//! Reading one node over all connections that its profiles use.

use std::collections::BTreeMap;

use super::answer::{fields, node_facts};
use super::script::observe_command;
use crate::config::{FleetNode, FleetProfile};
use crate::host::{ConnectionPool, Link, Search};
use crate::model::{Connection, RunId, StorePath};
use crate::plan::{NodeFacts, NodeObservation};
use crate::ssh::{SshError, SshErrorKind};

/// Reads a node: what it is, and what its selected profiles are.
///
/// `mark` is random, so that nothing a login prints can be taken for the answer. Where the
/// connection is lost the node is read again over a new one, and `on_lost` learns why.
pub async fn observe_node(
    pool: &ConnectionPool,
    node: &FleetNode,
    agent: Option<&StorePath>,
    mark: &RunId,
    on_lost: &(dyn Fn(&SshError) + Sync),
) -> NodeObservation {
    let mut by_connection = BTreeMap::<&Connection, Vec<&FleetProfile>>::new();
    for profile in &node.profiles {
        by_connection
            .entry(&profile.connection)
            .or_default()
            .push(profile);
    }
    let mut facts: Option<NodeFacts> = None;
    for (connection, profiles) in by_connection {
        match observe_connection(pool, connection, agent, mark, &profiles, on_lost).await {
            Ok(read) => match &mut facts {
                None => facts = Some(read),
                Some(facts) => {
                    facts.profiles.extend(read.profiles);
                    facts.mortal.extend(read.mortal);
                }
            },
            Err(failure) => return failure,
        }
    }
    NodeObservation::Ok(Box::new(facts.unwrap_or_default()))
}

async fn observe_connection(
    pool: &ConnectionPool,
    connection: &Connection,
    agent: Option<&StorePath>,
    mark: &RunId,
    profiles: &[&FleetProfile],
    on_lost: &(dyn Fn(&SshError) + Sync),
) -> Result<NodeFacts, NodeObservation> {
    let command = observe_command(mark.as_str(), agent, profiles);
    let answer = read(pool, connection, &command, on_lost)
        .await
        .map_err(|error| unreachable_or_failed(&error))?;
    let answer = String::from_utf8_lossy(&answer);
    let failed = |reason: String| NodeObservation::Failed { reason };
    let (fields, login_is_noisy) =
        fields(&answer, mark.as_str()).map_err(|error| failed(error.to_string()))?;
    let mut facts = node_facts(&fields, profiles);
    pool.set_installed_agent(connection, facts.installed_agent.clone());
    facts.login_is_noisy = login_is_noisy;
    facts.login_asks = pool.asks(connection);
    if facts.nix_folder.is_none() {
        return Err(failed(format!(
            "there is no Nix for {}: no nix-store on PATH or in the usual places",
            connection.ssh_user
        )));
    }
    Ok(facts)
}

/// Reading changes nothing, so that it can be done again.
async fn read(
    pool: &ConnectionPool,
    connection: &Connection,
    command: &str,
    on_lost: &(dyn Fn(&SshError) + Sync),
) -> Result<Vec<u8>, SshError> {
    let mut search = Search::new(false);
    loop {
        let error = match pool.link(connection).await {
            Ok(link) => match answer_of(&link, command).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            },
            Err(error) => error,
        };
        if error.kind == SshErrorKind::Lost {
            on_lost(&error);
        }
        if !search.goes_on(Some(error.kind)).await {
            return Err(error);
        }
    }
}

async fn answer_of(link: &Link, command: &str) -> Result<Vec<u8>, SshError> {
    let (_, answer) = link.run_bytes(("read the node", command), b"").await?;
    Ok(answer)
}

fn unreachable_or_failed(error: &SshError) -> NodeObservation {
    let reason = error.to_string();
    if error.kind.is_unreachable() {
        NodeObservation::Unreachable { reason }
    } else {
        NodeObservation::Failed { reason }
    }
}
