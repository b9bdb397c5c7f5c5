//! Calling the agent on a node, whatever is asked of it.

use serde::de::DeserializeOwned;

use super::context::RunContext;
use crate::host::{AgentCall, Host, HostError, RUNNING_AGENT};
use crate::model::{NodeName, StorePath};
use crate::protocol::{PROTOCOL_VERSION, parse_line};

/// Returns the agent for a node's system.
pub(super) async fn agent_of<H>(
    context: &RunContext<H>,
    node: &NodeName,
) -> Result<StorePath, String> {
    let system = context
        .plan
        .node(node)
        .and_then(|node| node.system.as_deref());
    let Some(system) = system else {
        return Err("the node's system is not known".to_owned());
    };
    context
        .agents
        .for_system(system)
        .await
        .map_err(|error| error.to_string())
}

/// Returns the agent's answer: the last line that is one, for a login may print text of its own.
pub(super) async fn ask<H: Host, T: DeserializeOwned + Send>(
    host: &H,
    call: &AgentCall,
) -> Result<T, HostError> {
    let mut answer: Option<T> = None;
    let mut on_line = |line: &str| answer = parse_line(line).ok().or(answer.take());
    host.call(call, &mut on_line).await?;
    answer.ok_or_else(|| agent_failed("it gave no answer".to_owned()))
}

/// Refuses an agent of another protocol.
pub(super) fn check_protocol(found: u32) -> Result<(), HostError> {
    if found == PROTOCOL_VERSION {
        return Ok(());
    }
    Err(agent_failed(format!(
        "it speaks protocol {found}, but this deploy speaks {PROTOCOL_VERSION}"
    )))
}

/// An agent that did not do what was asked.
pub(super) fn agent_failed(detail: String) -> HostError {
    HostError::Failed {
        doing: RUNNING_AGENT,
        detail,
        tail: Vec::new(),
    }
}
