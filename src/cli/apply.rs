//! `deploy apply`: a plan made now, or one that was saved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::args::ApplyArgs;
use super::context::{Context, random_id};
use super::error::CliError;
use super::output::{Reporting, print_failed_builds, print_summary, show_plan};
use super::plan::{PlanSwitches, keep_outputs, new_request};
use super::plan_source::{is_plan, narrow, read_plan};
use super::prompt::{ask, check_answerable};
use super::signals::{interruptible, interrupts};
use super::state::StateFolder;
use crate::apply::{
    Agents, EVENTS_VERSION, Event, EventSink, Exit, Interrupts, Limits, RunContext, StaleProfile,
    StepFact, exit_of, find_stale, fleet_nodes, run_plan,
};
use crate::config::TargetArgument;
use crate::host::RemoteHost;
use crate::model::RunId;
use crate::nix::{Nix, invalid_paths};
use crate::plan::{Mode, Observed, Plan, PlannedStep, StepId, StepKind, render_plan};
use crate::planner::{MadePlan, PlannerContext, make_plan, observe_nodes};
use crate::report::Requested;
use crate::schedule::Outcome;

/// How long the outputs of a plan that is applied at once are kept, should the run be killed.
const KEPT_WHILE_APPLIED: Duration = Duration::from_secs(86_400);

pub(super) async fn run(context: &Context, args: ApplyArgs) -> Result<u8, CliError> {
    let state = StateFolder::new(&context.state_folder);
    state.remove_expired();
    let saved = match args.targets.first() {
        Some(first) if is_plan(first) => Some(saved_plan(&args, first)?),
        _ => {
            check_no_digest(&args)?;
            check_answerable(context, args.yes)?;
            None
        }
    };
    let run = random_id()?;
    let folder = state.run_folder(&run)?;
    let reporting = Reporting::start(context, requested(&args), &args.display, Some(&folder))?;
    let planner = context.planner(reporting.sink())?;
    let mut interrupts = interrupts();
    let prepared = match saved {
        Some(plan) => {
            let checking = check_saved(&planner, plan, args.skip_stale);
            interruptible(&mut interrupts, checking).await
        }
        None => plan_now(context, &planner, &args, &mut interrupts).await,
    };
    let (pool, agents) = (Arc::clone(&planner.pool), Arc::clone(&planner.agents));
    drop(planner);
    reporting.finish().await;
    let exit = match prepared {
        Ok(prepared) => {
            let host = RemoteHost::new(Arc::clone(&pool));
            apply(
                context,
                &args,
                prepared,
                Equipment {
                    run,
                    folder,
                    host,
                    agents,
                    interrupts,
                },
            )
            .await
        }
        Err(error) => Err(error),
    };
    pool.close().await;
    exit.map(Exit::code)
}

fn requested(args: &ApplyArgs) -> Requested {
    if args.json {
        Requested::Json
    } else {
        Requested::Auto
    }
}

/// A plan that is ready to be walked.
struct Prepared {
    plan: Plan,
    refused: BTreeMap<StepId, Outcome>,
    nix: Nix,
    saved: bool,
}

/// What a run works with.
struct Equipment {
    run: RunId,
    folder: PathBuf,
    host: RemoteHost,
    agents: Arc<Agents>,
    interrupts: Interrupts,
}

/// Reads a saved plan, and refuses flags that would change what was reviewed.
fn saved_plan(args: &ApplyArgs, file: &str) -> Result<Plan, CliError> {
    let mut given = args.settings.given_that_change_a_plan();
    given.extend(args.force.then_some("--force"));
    given.extend((!args.selection.exclude.is_empty()).then_some("--exclude"));
    given.extend((!args.selection.nix_arguments.is_empty()).then_some("-- NIX_ARGUMENT"));
    if let Some(flag) = given.first() {
        return Err(CliError::usage(
            format!("{flag} cannot be given with a saved plan"),
            "a plan is applied exactly as it was reviewed; give it to `deploy plan`, and review that",
        ));
    }
    let targets = args.targets[1..]
        .iter()
        .map(|target| target.parse::<TargetArgument>());
    let plan = read_plan(Path::new(file))?;
    check_digest(args, &plan)?;
    let mut plan = narrow(plan, &targets.collect::<Result<Vec<_>, _>>()?)?;
    if plan.mode != Mode::Switch {
        return Err(CliError::usage(
            "this version of deploy applies plans of mode `switch` only",
            "plan again",
        ));
    }
    let overrides = args.settings.overrides()?;
    for profile in &mut plan.profiles {
        let settings = &mut profile.settings;
        settings.confirm_timeout = overrides
            .settings
            .confirm_timeout
            .unwrap_or(settings.confirm_timeout);
        settings.activation_timeout = overrides
            .settings
            .activation_timeout
            .or(settings.activation_timeout);
        if let Some(ssh_opts) = &overrides.ssh_opts {
            profile.connection.ssh_opts.clone_from(ssh_opts);
        }
    }
    Ok(plan)
}

/// An approval is of one plan, byte for byte.
fn check_digest(args: &ApplyArgs, plan: &Plan) -> Result<(), CliError> {
    match &args.digest {
        Some(digest) if *digest != plan.digest => Err(CliError::refused(
            Exit::Failed,
            format!(
                "this is another plan than the one that was approved: its digest is {}, not {digest}",
                plan.digest
            ),
            "review it with `deploy show FILE`, and approve its digest",
        )),
        _ => Ok(()),
    }
}

fn check_no_digest(args: &ApplyArgs) -> Result<(), CliError> {
    match &args.digest {
        Some(_) => Err(CliError::usage(
            "--digest needs a saved plan",
            "save one with `deploy plan --out FILE`, and give the file to `deploy apply`",
        )),
        None => Ok(()),
    }
}

/// Reads all nodes of a saved plan again: any stale profile refuses the whole plan.
async fn check_saved(
    planner: &PlannerContext,
    plan: Plan,
    skip_stale: bool,
) -> Result<Prepared, CliError> {
    let (sender, nodes) = unbounded_channel();
    for node in fleet_nodes(&plan) {
        // The receiver lives until all have been read.
        sender.send(node).ok();
    }
    drop(sender);
    let observations = observe_nodes(planner, nodes).await;
    let stale = find_stale(&plan, &observations);
    if !stale.is_empty() && !skip_stale {
        let lines: Vec<_> = stale.iter().map(describe_stale).collect();
        return Err(CliError::refused(
            Exit::Stale,
            format!(
                "the plan is stale, and nothing was changed on any node\n{}",
                lines.join("\n")
            ),
            "plan again, or apply the rest of this plan with --skip-stale",
        ));
    }
    let refused = stale.into_iter().map(|stale| {
        (
            StepId::activate(&stale.node, &stale.profile),
            Outcome::Stale {
                message: stale.message,
            },
        )
    });
    let arguments = plan
        .flakes
        .first()
        .map(|flake| flake.nix_args.clone())
        .unwrap_or_default();
    Ok(Prepared {
        refused: refused.collect(),
        nix: Nix { arguments },
        plan,
        saved: true,
    })
}

fn describe_stale(stale: &StaleProfile) -> String {
    format!("{}.{}: {}", stale.node, stale.profile, stale.message)
}

/// Plans and shows the plan; where something cannot be built, nothing is applied.
async fn plan_now(
    context: &Context,
    planner: &PlannerContext,
    args: &ApplyArgs,
    interrupts: &mut Interrupts,
) -> Result<Prepared, CliError> {
    let targets: Result<Vec<TargetArgument>, _> =
        args.targets.iter().map(|target| target.parse()).collect();
    let request = new_request(
        context,
        &targets?,
        &args.selection.exclude,
        args.settings.overrides()?,
        &args.selection.nix_arguments,
        PlanSwitches {
            build: true,
            force: args.force,
        },
    )?;
    let nix = request.nix.clone();
    let MadePlan {
        plan,
        failed_builds,
    } = interruptible(interrupts, make_plan(planner, request)).await?;
    if !failed_builds.is_empty() {
        show_plan(context, &plan);
        print_failed_builds(context, &failed_builds);
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
    })
}

async fn apply(
    context: &Context,
    args: &ApplyArgs,
    prepared: Prepared,
    mut equipment: Equipment,
) -> Result<Exit, CliError> {
    let Prepared {
        plan,
        refused,
        nix,
        saved,
    } = prepared;
    let state = StateFolder::new(&context.state_folder);
    if !saved && !args.json && !args.display.quiet {
        show_plan(context, &plan);
    }
    if plan.steps.is_empty() {
        return Ok(exit_of(&plan, std::iter::empty(), false));
    }
    if !saved && !args.yes {
        ask(&mut equipment.interrupts).await?;
    }
    if !saved {
        keep_outputs(context, &plan, KEPT_WHILE_APPLIED).await?;
    }
    let reporting = Reporting::start(
        context,
        requested(args),
        &args.display,
        Some(&equipment.folder),
    )?;
    let exit = walk(context, args, &plan, refused, nix, equipment, &reporting).await;
    let summary = reporting.finish().await;
    let exit = exit?;
    if exit == Exit::AtTarget || !saved {
        state.remove_plan(&plan.id);
    }
    print_summary(context, &summary, args.json);
    Ok(exit)
}

async fn walk(
    context: &Context,
    args: &ApplyArgs,
    plan: &Plan,
    refused: BTreeMap<StepId, Outcome>,
    nix: Nix,
    equipment: Equipment,
    reporting: &Reporting,
) -> Result<Exit, CliError> {
    let Equipment {
        run,
        folder,
        host,
        agents,
        interrupts,
    } = equipment;
    save_beside(&folder, plan)?;
    let targets = plan.profiles.iter().map(|profile| &profile.target.path);
    let missing: BTreeSet<_> = invalid_paths(targets).await?.into_iter().collect();
    let sink = reporting.sink();
    announce(&sink, plan, &run, &folder);
    let run_context = RunContext {
        run,
        operator: context.operator.clone(),
        plan: plan.clone(),
        host,
        nix,
        agents,
        missing,
        folder,
        sink: sink.clone(),
        limits: Limits::default(),
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
