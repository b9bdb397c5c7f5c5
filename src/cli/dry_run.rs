//! `deploy plan --dry-activate`: the plan, walked without changing anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;

use super::carry_out::{Equipment, How, Prepared, walk};
use super::context::{Context, random_id};
use super::error::CliError;
use super::state::StateFolder;
use super::unlock::unlock;
use crate::apply::{Activations, Exit, Unlocking, locked_sudos};
use crate::host::RemoteHost;
use crate::nix::{Nix, Signatures};
use crate::plan::Plan;
use crate::planner::PlannerContext;

/// Copies what the plan copies, and lets the closures say what they would do.
pub(super) async fn dry_run(
    context: &Context,
    planner: &PlannerContext,
    (plan, nix): (&Plan, Nix),
) -> Result<Exit, CliError> {
    if plan.steps.is_empty() {
        return Ok(Exit::AtTarget);
    }
    let run = random_id()?;
    // Whoever looks is interrupted as a whole.
    let (_, interrupts) = unbounded_channel();
    let equipment = Equipment {
        folder: StateFolder::new(&context.state_folder).run_folder(&run)?,
        run,
        host: RemoteHost::new(Arc::clone(&planner.pool)),
        agents: Arc::clone(&planner.agents),
        interrupts,
    };
    let unlocking = Unlocking {
        host: &equipment.host,
        agents: &equipment.agents,
        run: &equipment.run,
    };
    unlock(context, unlocking, locked_sudos(plan)).await?;
    let prepared = Prepared {
        files: None,
        plan: plan.clone(),
        refused: BTreeMap::new(),
        nix,
        saved: false,
        activations: Activations::Dry,
        keeps_outputs: false,
        keeps_going: false,
        signatures: Signatures::default(),
        results: None,
    };
    let sink = planner.sink.clone();
    walk(context, How::default(), prepared, equipment, sink).await
}
