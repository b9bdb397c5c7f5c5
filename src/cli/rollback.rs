//! `deploy rollback`: back to earlier generations, planned and applied like any other change.

use std::collections::BTreeMap;
use std::path::Path;

use super::apply::recover_first;
use super::args::{PlanFormat, RollbackArgs};
use super::carry_out::{Prepared, carry_out};
use super::context::{Context, random_id};
use super::error::CliError;
use super::look::{exit_code, look};
use super::output::{print_data, print_plan, stdout_colour};
use super::plan::{PlanSwitches, new_request, write_plan};
use super::preparation::Preparation;
use super::prompt::check_answerable;
use super::signals::{interruptible, interrupts};
use super::state::StateFolder;
use crate::apply::Activations;
use crate::config::Paths;
use crate::nix::Signatures;
use crate::plan::{Mode, Status};
use crate::planner::{FleetsRead, PlanRequest, PlannerContext, plan_roll_back, read_fleets};
use crate::report::StatusText;

pub(super) async fn run(context: &Context, args: RollbackArgs) -> Result<u8, CliError> {
    if args.list {
        return list(context, &args).await;
    }
    if let Some(file) = &args.out {
        return save(context, &args, file).await;
    }
    check_answerable(context, args.run.yes)?;
    let state = StateFolder::new(&context.state_folder);
    state.remove_expired();
    let run = random_id()?;
    let folder = state.run_folder(&run)?;
    let output = (&args.run, &args.display);
    let mut preparation = Preparation::start(context, output, (run, folder), interrupts())?;
    let prepared = prepare(&mut preparation, &args).await;
    carry_out(preparation, prepared, output).await
}

fn request(context: &Context, args: &RollbackArgs) -> Result<PlanRequest, CliError> {
    new_request(
        context,
        &args.targets,
        (&args.selection, &args.settings),
        PlanSwitches {
            mode: Mode::RollBack,
            build: false,
            force: false,
            checks: false,
            compare_files: args.diff.of_files(),
            eval_jobs: None,
        },
    )
}

async fn prepare(
    preparation: &mut Preparation<'_>,
    args: &RollbackArgs,
) -> Result<Prepared, CliError> {
    let request = request(preparation.context, args)?;
    let nix = request.nix.clone();
    let reading = read_fleets(&preparation.planner, &request, Paths::Left);
    let mut read = interruptible(&mut preparation.interrupts, reading).await?;
    check_one(&read, args)?;
    recover_first(preparation, &mut read).await?;
    let planning = plan_roll_back(&preparation.planner, request, read, args.to);
    let made = interruptible(&mut preparation.interrupts, planning).await?;
    Ok(Prepared {
        plan: made.plan,
        files: made.files,
        refused: BTreeMap::new(),
        nix,
        saved: false,
        activations: Activations::Real,
        keeps_outputs: false,
        keeps_going: false,
        signatures: Signatures::default(),
        results: None,
    })
}

/// A number means nothing for several profiles.
fn check_one(read: &FleetsRead, args: &RollbackArgs) -> Result<(), CliError> {
    let nodes = read.fleets.iter().flat_map(|planned| &planned.fleet.nodes);
    let profiles: Vec<String> = nodes
        .flat_map(|node| {
            let profiles = node.profiles.iter();
            profiles.map(|profile| format!("{}.{}", node.name, profile.name))
        })
        .collect();
    if args.to.is_some() && profiles.len() > 1 {
        return Err(CliError::usage(
            format!(
                "--to needs a TARGET with one profile, and these are {}",
                profiles.join(", ")
            ),
            "name one, such as '.#node.profile'",
        ));
    }
    Ok(())
}

/// Shows the generations that there are.
async fn list(context: &Context, args: &RollbackArgs) -> Result<u8, CliError> {
    let work = async |planner: PlannerContext| {
        let request = request(context, args)?;
        Ok(read_fleets(&planner, &request, Paths::Left).await?)
    };
    let read = look(context, &args.display, work).await?;
    let status = Status::new(&read.fleets, &read.observations);
    let text = StatusText::new(&status, context.width(), stdout_colour(context));
    print_data(&text.render_generations(), "could not print the list")?;
    Ok(exit_code(&status))
}

/// Saves the plan instead of applying it, and so without taking anything back.
async fn save(context: &Context, args: &RollbackArgs, file: &Path) -> Result<u8, CliError> {
    let work = async |planner: PlannerContext| {
        let request = request(context, args)?;
        let read = read_fleets(&planner, &request, Paths::Left).await?;
        check_one(&read, args)?;
        Ok(plan_roll_back(&planner, request, read, args.to).await?)
    };
    let made = look(context, &args.display, work).await?;
    write_plan(&made.plan, file)?;
    let shown = (&made.plan, made.files.as_ref());
    print_plan(context, shown, PlanFormat::Human)?;
    Ok(0)
}
