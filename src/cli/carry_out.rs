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
use super::results::keep_results;
use super::signals::interruptible;
use super::state::StateFolder;
use super::unlock::unlock;
use crate::apply::{
    Activations, Agents, EVENTS_VERSION, Event, EventSink, Exit, Interrupts, Limits, Policy,
    RunContext, StepFact, Unlocking, exit_of, locked_sudos, run_plan,
};
use crate::host::RemoteHost;
use crate::model::RunId;
use crate::nix::{Nix, Signatures, invalid_paths};
use crate::plan::{
    FileDifferences, Mode, Observed, Plan, PlannedStep, StepId, StepKind, render_plan,
};
use crate::schedule::Outcome;

/// How long the outputs of a plan that is applied at once are kept, should the run be killed.
const KEPT_WHILE_APPLIED: Duration = Duration::from_secs(86_400);

/// A plan that is ready to be walked.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    /// How files differ, where somebody asked.
    pub(super) files: Option<FileDifferences>,
    pub(super) refused: BTreeMap<StepId, Outcome>,
    pub(super) nix: Nix,
    pub(super) saved: bool,
    pub(super) activations: Activations,
    /// Whether its outputs have to be kept: nothing does so yet.
    pub(super) keeps_outputs: bool,
    /// Whether what cannot be built holds up only the nodes that need it.
    pub(super) keeps_going: bool,
    /// What is done about the signatures of what is copied.
    pub(super) signatures: Signatures,
    /// Where links to the targets are wanted.
    pub(super) results: Option<PathBuf>,
}

/// How a plan is walked.
#[derive(Debug, Default)]
pub(super) struct How {
    limits: Limits,
    policy: Policy,
    /// How many builds each call of Nix does at once.
    jobs: Option<std::num::NonZeroUsize>,
    /// Seconds to wait for a profile's lock.
    lock_timeout: u64,
}

/// What a run works with.
pub(super) struct Equipment {
    pub(super) run: RunId,
    pub(super) folder: PathBuf,
    pub(super) host: RemoteHost,
    pub(super) agents: Arc<Agents>,
    pub(super) interrupts: Interrupts,
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
                host: RemoteHost::new(Arc::clone(&pool))
                    .with_signatures(prepared.signatures.clone()),
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
    let dry = prepared.activations == Activations::Dry;
    let state = StateFolder::new(&context.state_folder);
    if !saved && !args.json && !display.quiet {
        show_plan(context, plan, prepared.files.as_ref());
    }
    if let Some(folder) = &prepared.results {
        let keeping = keep_results(plan, &prepared.nix, folder);
        interruptible(&mut equipment.interrupts, keeping).await?;
    }
    if plan.steps.is_empty() {
        return Ok(exit_of(plan, std::iter::empty(), false));
    }
    if !saved && !args.yes && !dry {
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
    let how = How {
        limits: args.limits.limits(),
        policy: args.policy(prepared.keeps_going),
        jobs: args.limits.jobs_of_each_call(),
        lock_timeout: args.lock_timeout.as_secs(),
    };
    let exit = walk(context, how, prepared, equipment, reporting.sink()).await;
    let summary = reporting.finish().await;
    let exit = exit?;
    if exit == Exit::AtTarget || !saved {
        state.remove_plan(&id);
    }
    print_summary(context, &summary, args.json);
    Ok(exit)
}

/// Walks a plan, and says so to the sink.
pub(super) async fn walk(
    context: &Context,
    how: How,
    prepared: Prepared,
    equipment: Equipment,
    sink: EventSink,
) -> Result<Exit, CliError> {
    let Prepared {
        plan,
        refused,
        nix,
        activations,
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
    announce(&sink, &plan, &run, &folder);
    let run_context = RunContext {
        run,
        operator: context.operator.clone(),
        plan,
        host,
        nix: Nix {
            jobs: how.jobs,
            ..nix
        },
        agents,
        missing,
        folder,
        sink: sink.clone(),
        limits: how.limits,
        policy: how.policy,
        activations,
        lock_timeout: how.lock_timeout,
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
