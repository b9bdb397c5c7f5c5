//! `deploy apply`: a plan made now, or one that was saved.

use std::collections::BTreeMap;
use std::path::Path;

use super::args::ApplyArgs;
use super::carry_out::{Prepared, carry_out};
use super::context::{Context, random_id};
use super::error::CliError;
use super::output::{print_failed_builds, show_plan};
use super::plan::{PlanSwitches, new_request};
use super::plan_source::is_plan;
use super::preparation::Preparation;
use super::prompt::check_answerable;
use super::saved::{check_no_digest, check_saved, saved_plan};
use super::signals::{interruptible, interrupts};
use super::state::{StateFolder, run_folder_in};
use crate::apply::Exit;
use crate::config::{FleetNode, Paths, TargetArgument};
use crate::nix::Signatures;
use crate::plan::{Plan, StepId};
use crate::planner::{FailedBuild, FleetsRead, MadePlan, plan_changes, read_fleets, with_checks};
use crate::schedule::Outcome;

pub(super) async fn run(context: &Context, mut args: ApplyArgs) -> Result<u8, CliError> {
    args.display.verbose |= args.logs.debug_logs;
    let state = StateFolder::new(&context.state_folder);
    state.remove_expired();
    let saved = match args.targets.first() {
        Some(first) if names_a_plan(&args, first) => {
            Some(saved_plan(&args, first, &context.operator.host)?)
        }
        _ => {
            check_no_digest(&args)?;
            check_answerable(context, args.run.yes || args.modes.dry_activate)?;
            None
        }
    };
    let run = random_id()?;
    let folder = match &args.logs.log_dir {
        Some(logs) => run_folder_in(logs, &run)?,
        None => state.run_folder(&run)?,
    };
    let output = (&args.run, &args.display);
    let mut preparation = Preparation::start(context, output, (run, folder), interrupts())?;
    let prepared = match saved {
        Some(plan) => check_saved(&mut preparation, plan, &args).await,
        None => plan_now(&mut preparation, &args).await,
    };
    let prepared = prepared.map(|prepared| Prepared {
        results: args.result.folder().map(Path::to_owned),
        signatures: Signatures::new(context.local_key.clone(), args.copy.checksigs),
        ..prepared
    });
    carry_out(preparation, prepared, output).await
}

/// With a file TARGETs are names in it, which may end as plans do.
fn names_a_plan(args: &ApplyArgs, target: &str) -> bool {
    is_plan(target) && (args.selection.file.name().is_none() || Path::new(target).is_file())
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
            checks: args.checks,
            compare_files: args.diff.of_files(),
            eval_jobs: args.evaluation.jobs,
        },
    )?;
    let nix = request.nix.clone();
    let reading = read_fleets(&preparation.planner, &request, Paths::Wanted);
    let reading = with_checks(&preparation.planner, &request, reading);
    let mut read = interruptible(&mut preparation.interrupts, reading).await?;
    if !args.modes.dry_activate {
        recover_first(preparation, &mut read).await?;
    }
    let planning = plan_changes(&preparation.planner, request, read);
    let MadePlan {
        plan,
        failed_builds,
        files,
    } = interruptible(&mut preparation.interrupts, planning).await?;
    if !failed_builds.is_empty() && args.keep_going {
        preparation.pause().await;
        let help = "the nodes that need it are left as they are";
        print_failed_builds(preparation.context, &failed_builds, help);
    } else if !failed_builds.is_empty() {
        preparation.pause().await;
        show_plan(preparation.context, &plan, files.as_ref());
        let help = "nothing was changed on any node";
        print_failed_builds(preparation.context, &failed_builds, help);
        return Err(CliError::refused(
            Exit::Failed,
            "not everything could be built, so nothing was changed on any node",
            "mend the build, leave the profiles that wait for it out with --exclude, or go on without their nodes with `deploy apply --keep-going`",
        ));
    }
    Ok(Prepared {
        refused: unbuilt(&plan, &failed_builds),
        plan,
        files,
        nix,
        saved: false,
        activations: args.modes.activations(),
        keeps_outputs: true,
        keeps_going: args.keep_going,
        signatures: Signatures::default(),
        results: None,
    })
}

/// Returns the steps that must not be tried again: the build, or where the target is only fetched
/// the copy.
fn unbuilt(plan: &Plan, failed: &[FailedBuild]) -> BTreeMap<StepId, Outcome> {
    let waiting = failed.iter().flat_map(|build| &build.waiting);
    let steps = waiting.map(|(node, name)| {
        let profile = plan.profile(node, name);
        let derivation = profile.and_then(|profile| profile.target.drv_path.as_ref());
        let message = format!("{node}.{name} could not be built");
        let step = derivation.map_or_else(|| StepId::copy(node), StepId::build);
        (step, Outcome::Failed { message })
    });
    let planned = steps.filter(|(id, _)| plan.steps.iter().any(|step| step.id == *id));
    planned.collect()
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
