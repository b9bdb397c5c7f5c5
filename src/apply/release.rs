//! Letting go of what a run kept on the nodes from garbage collection.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::agent_call::agent_of;
use super::context::RunContext;
use crate::host::{AgentCall, Host};
use crate::model::{Connection, NodeName};
use crate::plan::Action;
use crate::protocol::AgentCommand;

/// A node that does not answer keeps its links; they cost nothing but space.
const LIMIT: Duration = Duration::from_secs(10);

/// Lets go of what was kept on these nodes, at the same time on all of them.
pub(super) async fn release<H: Host>(context: &Arc<RunContext<H>>, nodes: BTreeSet<NodeName>) {
    let mut releasing = JoinSet::new();
    for node in nodes {
        let profiles = context.plan.profiles_of(&node);
        let connections: BTreeSet<Connection> = profiles
            .filter(|profile| profile.action != Action::Unchanged)
            .map(|profile| profile.connection.clone())
            .collect();
        for connection in connections {
            let (context, node) = (Arc::clone(context), node.clone());
            releasing.spawn(async move {
                timeout(LIMIT, release_one(&context, &node, connection))
                    .await
                    .ok();
            });
        }
    }
    releasing.join_all().await;
}

async fn release_one<H: Host>(context: &RunContext<H>, node: &NodeName, connection: Connection) {
    let Ok(agent) = agent_of(context, node).await else {
        return;
    };
    let command = AgentCommand::Release {
        run: context.run.clone(),
    };
    let call = AgentCall {
        connection,
        sudo: None,
        agent,
        command,
    };
    context.host.call(&call, &mut |_| {}).await.ok();
}
