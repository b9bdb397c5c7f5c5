//! What a plan may be compared with instead of the nodes as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;

use super::PlannerContext;
use super::evaluation::{evaluate_fleet, evaluate_targets};
use super::make_plan::{FleetsRead, Now, PlanRequest, PlannerError};
use crate::config::{Origin, Paths, Selection};
use crate::nix::{Nix, read_metadata};
use crate::plan::{Basis, PlannedFleet, SavedObservations, nodes_of_base, only_in_base};

/// What the fleets are compared with.
#[derive(Debug, Clone, Default)]
pub enum Against {
    /// Their nodes, which are read.
    #[default]
    Nodes,
    /// Another revision of the fleet; no node is asked.
    Base(Origin),
    /// What was read of the nodes earlier.
    Observations(Arc<SavedObservations>),
}

/// Evaluates the fleet and the same selection of another revision, without a look at any node.
pub(super) async fn read_base(
    context: &PlannerContext,
    request: &PlanRequest,
    base: &Origin,
) -> Result<FleetsRead, PlannerError> {
    let [selection] = &request.selections[..] else {
        return Err(PlannerError::SeveralFlakes);
    };
    let of_base = Selection {
        origin: base.clone(),
        ..selection.clone()
    };
    let evaluating = evaluate_targets(context, &request.nix, &of_base);
    let reading = async { Ok(read_metadata(&request.nix, base).await?) };
    let (mut fleets, targets, flake) =
        tokio::try_join!(evaluate_all(context, request), evaluating, reading)?;
    let mut observations = BTreeMap::new();
    for planned in &mut fleets {
        let gone = only_in_base(&planned.fleet, &targets);
        planned.fleet.warnings.extend(gone);
        observations.extend(nodes_of_base(&planned.fleet, &targets, &BTreeMap::new()));
    }
    Ok(FleetsRead {
        fleets,
        observations,
        now: Now::Here(targets),
        basis: Basis::Base { flake },
    })
}

/// Evaluates the fleets, whose nodes were read earlier.
pub(super) async fn read_saved(
    context: &PlannerContext,
    request: &PlanRequest,
    saved: &SavedObservations,
) -> Result<FleetsRead, PlannerError> {
    let fleets = evaluate_all(context, request).await?;
    let nodes = fleets.iter().flat_map(|planned| &planned.fleet.nodes);
    Ok(FleetsRead {
        observations: nodes
            .map(|node| (node.name.clone(), saved.of_node(node)))
            .collect(),
        fleets,
        now: Now::Saved(saved.closures.clone()),
        basis: Basis::Observations {
            read_at: saved.read_at.clone(),
            operator: saved.operator.clone(),
        },
    })
}

async fn evaluate_all(
    context: &PlannerContext,
    request: &PlanRequest,
) -> Result<Vec<PlannedFleet>, PlannerError> {
    Nix::prepare_store().await;
    // Nobody waits for nodes.
    let (nodes, _) = unbounded_channel();
    let evaluations = request.selections.iter().map(|selection| {
        evaluate_fleet(
            context,
            &request.nix,
            (selection, Paths::Wanted),
            &request.flags,
            nodes.clone(),
        )
    });
    futures_util::future::try_join_all(evaluations).await
}
