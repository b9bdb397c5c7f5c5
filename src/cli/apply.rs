//! `deploy apply`: a plan made now, or one that was saved.

use std::collections::BTreeMap;

use super::args::ApplyArgs;
use super::carry_out::{Prepared, carry_out};
use super::context::{Context, random_id};
use super::error::CliError;
use super::not_yet::check_apply;
use super::output::{print_failed_builds, show_plan};
use super::plan::{PlanSwitches, new_request};
use super::plan_source::is_plan;
use super::preparation::Preparation;
use super::prompt::check_answerable;
use super::saved::{check_no_digest, check_saved, saved_plan};
use super::signals::{interruptible, interrupts};
use super::state::StateFolder;
use crate::apply::Exit;
use crate::config::{FleetNode, Paths, TargetArgument};
use crate::planner::{FleetsRead, MadePlan, plan_changes, read_fleets};

pub(super) async fn run(context: &Context, args: ApplyArgs) -> Result<u8, CliError> {
    check_apply(&args)?;
    let state = StateFolder::new(&context.state_folder);
    state.remove_expired();
    let saved = match args.targets.first() {
        Some(first) if is_plan(first) => Some(saved_plan(&args, first)?),
        _ => {
            check_no_digest(&args)?;
            check_answerable(context, args.run.yes)?;
            None
        }
    };
    let run = random_id()?;
    let folder = state.run_folder(&run)?;
    let output = (&args.run, &args.display);
    let mut preparation = Preparation::start(context, output, (run, folder), interrupts())?;
    let prepared = match saved {
        Some(plan) => check_saved(&mut preparation, plan, args.skip_stale).await,
        None => plan_now(&mut preparation, &args).await,
    };
    carry_out(preparation, prepared, output).await
}

/// Plans on top of what runs that died had left; where something cannot be built, nothing is
/// applied.
async fn plan_now(
    preparation: &mut Preparation<'_>,
    args: &ApplyArgs,
) -> Result<Prepared, CliError> {
    let targets: Result<Vec<TargetArgument>, _> =
        args.targets.iter().map(|target| target.parse()).collect();
    let request = new_request(
        preparation.context,
        &targets?,
        (&args.selection, &args.settings),
        PlanSwitches {
            mode: args.modes.mode(),
            build: true,
            force: args.force,
        },
    )?;
    let nix = request.nix.clone();
    let reading = read_fleets(&preparation.planner, &request, Paths::Wanted);
    let mut read = interruptible(&mut preparation.interrupts, reading).await?;
    recover_first(preparation, &mut read).await?;
    let planning = plan_changes(&preparation.planner, request, read);
    let MadePlan {
        plan,
        failed_builds,
    } = interruptible(&mut preparation.interrupts, planning).await?;
    if !failed_builds.is_empty() {
        preparation.pause().await;
        show_plan(preparation.context, &plan);
        print_failed_builds(preparation.context, &failed_builds);
        return Err(CliError::refused(
            Exit::Failed,
            "not everything could be built, so nothing was changed on any node",
            "mend the build, or leave the profiles that wait for it out with --exclude",
        ));
    }
    Ok(Prepared {
        plan,
        refused: BTreeMap::new(),
        nix,
        saved: false,
        keeps_outputs: true,
    })
}

/// Takes back what runs that died have left on the nodes that were read.
pub(super) async fn recover_first(
    preparation: &mut Preparation<'_>,
    read: &mut FleetsRead,
) -> Result<(), CliError> {
    let nodes = read.fleets.iter().flat_map(|planned| &planned.fleet.nodes);
    let nodes: Vec<FleetNode> = nodes.cloned().collect();
    preparation
        .recover_first(&nodes, &mut read.observations, true)
        .await
}
