//! From a plan that is ready to the end of its run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::args::{DisplayArgs, RunArgs};
use super::context::Context;
use super::error::CliError;
use super::output::{Reporting, print_summary, show_plan};
use super::plan::keep_outputs;
use super::preparation::Preparation;
use super::prompt::ask;
use super::signals::interruptible;
use super::state::StateFolder;
use super::unlock::unlock;
use crate::apply::{
    Agents, EVENTS_VERSION, Event, EventSink, Exit, Interrupts, RunContext, StepFact, Unlocking,
    exit_of, locked_sudos, run_plan,
};
use crate::host::RemoteHost;
use crate::model::RunId;
use crate::nix::{Nix, invalid_paths};
use crate::plan::{Mode, Observed, Plan, PlannedStep, StepId, StepKind, render_plan};
use crate::schedule::Outcome;

/// How long the outputs of a plan that is applied at once are kept, should the run be killed.
const KEPT_WHILE_APPLIED: Duration = Duration::from_secs(86_400);

/// A plan that is ready to be walked.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) refused: BTreeMap<StepId, Outcome>,
    pub(super) nix: Nix,
    pub(super) saved: bool,
    /// Whether its outputs have to be kept: nothing does so yet.
    pub(super) keeps_outputs: bool,
    /// Whether what cannot be built holds up only the nodes that need it.
    pub(super) keeps_going: bool,
}

/// What a run works with.
struct Equipment {
    run: RunId,
    folder: PathBuf,
    host: RemoteHost,
    agents: Arc<Agents>,
    interrupts: Interrupts,
}

/// Ends the preparation and, where it came to a plan, applies that. Closes all connections.
pub(super) async fn carry_out(
    mut preparation: Preparation<'_>,
    prepared: Result<Prepared, CliError>,
    (args, display): (&RunArgs, &DisplayArgs),
) -> Result<u8, CliError> {
    preparation.pause().await;
    let Preparation {
        context,
        planner,
        interrupts,
        run,
        folder,
        ..
    } = preparation;
    let (pool, agents) = (Arc::clone(&planner.pool), Arc::clone(&planner.agents));
    let exit = match prepared {
        Ok(prepared) => {
            let equipment = Equipment {
                run,
                folder,
                host: RemoteHost::new(Arc::clone(&pool)),
                agents,
                interrupts,
            };
            apply(context, (args, display), prepared, equipment).await
        }
        Err(error) => Err(error),
    };
    pool.close().await;
    exit.map(Exit::code)
}

async fn apply(
    context: &Context,
    (args, display): (&RunArgs, &DisplayArgs),
    prepared: Prepared,
    mut equipment: Equipment,
) -> Result<Exit, CliError> {
    let Prepared { plan, saved, .. } = &prepared;
    let saved = *saved;
    let state = StateFolder::new(&context.state_folder);
    if !saved && !args.json && !display.quiet {
        show_plan(context, plan);
    }
    if plan.steps.is_empty() {
        return Ok(exit_of(plan, std::iter::empty(), false));
    }
    if !saved && !args.yes {
        ask(&mut equipment.interrupts, "Apply this plan?").await?;
    }
    let unlocking = Unlocking {
        host: &equipment.host,
        agents: &equipment.agents,
        run: &equipment.run,
    };
    let unlocking = unlock(context, unlocking, locked_sudos(plan));
    interruptible(&mut equipment.interrupts, unlocking).await?;
    if prepared.keeps_outputs {
        keep_outputs(context, plan, KEPT_WHILE_APPLIED).await?;
    }
    let folder = Some(equipment.folder.as_path());
    let reporting = Reporting::start(context, args.requested(), display, folder)?;
    let id = plan.id.clone();
    let exit = walk(context, args, prepared, equipment, &reporting).await;
    let summary = reporting.finish().await;
    let exit = exit?;
    if exit == Exit::AtTarget || !saved {
        state.remove_plan(&id);
    }
    print_summary(context, &summary, args.json);
    Ok(exit)
}

async fn walk(
    context: &Context,
    args: &RunArgs,
    prepared: Prepared,
    equipment: Equipment,
    reporting: &Reporting,
) -> Result<Exit, CliError> {
    let Prepared {
        plan,
        refused,
        nix,
        keeps_going,
        ..
    } = prepared;
    let Equipment {
        run,
        folder,
        host,
        agents,
        interrupts,
    } = equipment;
    save_beside(&folder, &plan)?;
    // What a profile goes back to is on its node.
    let copied = plan.profiles.iter().filter(|_| plan.mode != Mode::RollBack);
    let targets = copied.map(|profile| &profile.target.path);
    let missing: BTreeSet<_> = invalid_paths(targets).await?.into_iter().collect();
    let sink = reporting.sink();
    announce(&sink, &plan, &run, &folder);
    let run_context = RunContext {
        run,
        operator: context.operator.clone(),
        plan,
        host,
        nix: Nix {
            jobs: args.limits.jobs_of_each_call(),
            ..nix
        },
        agents,
        missing,
        folder,
        sink: sink.clone(),
        limits: args.limits.limits(),
        policy: args.policy(keeps_going),
        lock_timeout: args.lock_timeout.as_secs(),
    };
    let end = run_plan(Arc::new(run_context), refused, interrupts).await?;
    sink.send(Event::RunFinished {
        exit_code: end.exit.code(),
    });
    Ok(end.exit)
}

fn save_beside(folder: &Path, plan: &Plan) -> Result<(), CliError> {
    let file = folder.join("plan.json");
    std::fs::write(&file, render_plan(plan))
        .map_err(|source| CliError::io("could not save the plan", &file, source))
}

/// Says what the run is about, and which nodes of the plan it leaves out.
fn announce(sink: &EventSink, plan: &Plan, run: &RunId, folder: &Path) {
    sink.send(Event::RunStarted {
        version: EVENTS_VERSION,
        run: run.clone(),
        plan: plan.id.clone(),
        steps: plan.steps.iter().map(|step| fact(plan, step)).collect(),
        folder: folder.display().to_string(),
    });
    for node in plan
        .nodes
        .iter()
        .filter(|node| node.observed != Observed::Ok)
    {
        sink.send(Event::ObservationFinished {
            node: node.node.clone(),
            error: node.error.clone(),
        });
    }
}

fn fact(plan: &Plan, step: &PlannedStep) -> StepFact {
    let names = step.node.as_ref().zip(step.profile.as_ref());
    let profile = names.and_then(|(node, profile)| plan.profile(node, profile));
    let profile = profile.filter(|_| step.kind == StepKind::Activate);
    StepFact {
        id: step.id.clone(),
        kind: step.kind,
        node: step.node.clone(),
        profile: step.profile.clone(),
        generation_before: profile.and_then(|profile| profile.current.generation()),
        generation_after: profile.and_then(|profile| profile.target.generation),
    }
}
