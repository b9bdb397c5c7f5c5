//! Reading many nodes at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use super::PlannerContext;
use crate::apply::Event;
use crate::config::FleetNode;
use crate::model::{NodeName, StorePath};
use crate::observe::observe_node;
use crate::plan::NodeObservation;
use crate::ssh::SshError;

/// Reads nodes as they come, each once; a node that comes again with other settings is read again.
pub async fn observe_nodes(
    context: &PlannerContext,
    mut nodes: UnboundedReceiver<FleetNode>,
) -> BTreeMap<NodeName, NodeObservation> {
    let agent = Arc::new(own_agent(context).await);
    let permits = Arc::new(Semaphore::new(context.logins.get()));
    let mut asked = BTreeMap::<NodeName, FleetNode>::new();
    let mut reading = JoinSet::new();
    let mut observations = BTreeMap::new();
    while let Some(node) = nodes.recv().await {
        if asked.get(&node.name) == Some(&node) {
            continue;
        }
        asked.insert(node.name.clone(), node.clone());
        let (context, permits, agent) = (context.clone(), Arc::clone(&permits), Arc::clone(&agent));
        reading.spawn(async move {
            let permit = permits.acquire().await;
            let observation = observe(&context, &node, agent.as_ref().as_ref()).await;
            drop(permit);
            (node, observation)
        });
    }
    while let Some(read) = reading.join_next().await {
        if let Ok((node, observation)) = read
            && asked.get(&node.name) == Some(&node)
        {
            observations.insert(node.name, observation);
        }
    }
    observations
}

async fn observe(
    context: &PlannerContext,
    node: &FleetNode,
    agent: Option<&StorePath>,
) -> NodeObservation {
    context.sink.send(Event::ObservationStarted {
        node: node.name.clone(),
    });
    let on_lost = |error: &SshError| {
        context.sink.send(Event::Noted {
            node: Some(node.name.clone()),
            message: format!("{error}; reading again over a new connection"),
        });
    };
    let mut observation = observe_node(&context.pool, node, agent, &context.mark, &on_lost).await;
    if let NodeObservation::Ok(facts) = &mut observation {
        let system = facts.system.as_deref();
        facts.lacks_agent = system.is_some_and(|system| !context.agents.has(system));
    }
    let error = match &observation {
        NodeObservation::Ok(_) => None,
        NodeObservation::Unreachable { reason } | NodeObservation::Failed { reason } => {
            Some(reason.clone())
        }
    };
    context.sink.send(Event::ObservationFinished {
        node: node.name.clone(),
        error,
    });
    observation
}

/// The agent that was probably shipped before: it can read what only a profile's user may read.
async fn own_agent(context: &PlannerContext) -> Option<StorePath> {
    context.agents.for_system(&context.system).await.ok()
}
