//! `deploy plan`.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use super::args::{PlanArgs, PlanFormat, SelectionArgs, SettingArgs};
use super::context::{Context, random_id};
use super::dry_run::dry_run;
use super::error::CliError;
use super::evaluators::evaluators;
use super::look::look_and_sum_up;
use super::origin::{located, origin_of};
use super::output::{print_failed_builds, print_plan, print_summary};
use super::plan_source::read_observations;
use super::results::keep_results;
use super::state::StateFolder;
use crate::apply::Exit;
use crate::config::{Origin, Selection, TargetArgument, select};
use crate::model::StorePath;
use crate::nix::{Nix, add_derivation_roots, add_roots, invalid_paths};
use crate::plan::{Action, Basis, Gate, Mode, Observed, Plan, PlanHead, render_plan};
use crate::planner::{Against, MadePlan, PlanRequest, PlannerContext, make_plan};

const CHANGES: u8 = 2;
const FAILED: u8 = 1;

pub(super) async fn run(context: &Context, args: PlanArgs) -> Result<u8, CliError> {
    check_shown(&args)?;
    StateFolder::new(&context.state_folder).remove_expired();
    let request = request(context, &args)?;
    let nix = request.nix.clone();
    let work = async |planner: PlannerContext| {
        let made = Box::pin(make_plan(&planner, request)).await?;
        let wanted = args.modes.dry_activate && made.failed_builds.is_empty();
        let dry = if wanted {
            Some(Box::pin(dry_run(context, &planner, (&made.plan, nix.clone()))).await?)
        } else {
            None
        };
        Ok((made, dry))
    };
    let ((made, dry), summary) = look_and_sum_up(context, &args.display, work).await?;
    let MadePlan {
        plan,
        failed_builds,
        files,
    } = made;
    if let Some(file) = &args.out {
        save(context, &plan, file, args.expire).await?;
    }
    if let Some(folder) = args.result.folder().filter(|_| failed_builds.is_empty()) {
        keep_results(&plan, &nix, folder).await?;
    }
    let printed = print_plan(context, (&plan, files.as_ref()), args.format);
    print_failed_builds(context, &failed_builds, "nothing was changed on any node");
    printed?;
    if dry.is_some() {
        print_summary(context, &summary, args.format != PlanFormat::Human);
    }
    check_gates(&plan, &args.deny)?;
    Ok(exit_code(
        &plan,
        !failed_builds.is_empty() || dry.is_some_and(|exit| exit != Exit::AtTarget),
        args.detailed_exitcode,
    ))
}

/// Only people read how files differ.
fn check_shown(args: &PlanArgs) -> Result<(), CliError> {
    match args.format {
        PlanFormat::Human | PlanFormat::Markdown => Ok(()),
        _ if !args.diff.of_files() => Ok(()),
        PlanFormat::Json | PlanFormat::Dot | PlanFormat::Mermaid => Err(CliError::usage(
            "this format does not show how files differ",
            "--diff files is for --format human and --format markdown: no plan file has text of files",
        )),
    }
}

fn request(context: &Context, args: &PlanArgs) -> Result<PlanRequest, CliError> {
    let mut request = new_request(
        context,
        &args.targets,
        (&args.selection, &args.settings),
        PlanSwitches {
            mode: args.modes.mode(),
            build: !args.no_build,
            force: args.force,
            checks: args.checks,
            compare_files: args.diff.of_files(),
            eval_jobs: args.evaluation.jobs,
        },
    )?;
    request.against = match (&args.base, &args.observed) {
        (Some(base), _) => Against::Base(origin_of(base)),
        (None, Some(file)) => Against::Observations(Arc::new(read_observations(file)?)),
        (None, None) => Against::Nodes,
    };
    Ok(request)
}

/// How a plan is made.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct PlanSwitches {
    pub(super) mode: Mode,
    pub(super) build: bool,
    pub(super) force: bool,
    pub(super) checks: bool,
    pub(super) compare_files: bool,
    /// Most evaluators at the same time; as many as fit where there is no limit.
    pub(super) eval_jobs: Option<NonZeroUsize>,
}

/// Returns the request for a plan of these TARGETs, made now by this operator.
pub(super) fn new_request(
    context: &Context,
    targets: &[TargetArgument],
    (selection, settings): (&SelectionArgs, &SettingArgs),
    switches: PlanSwitches,
) -> Result<PlanRequest, CliError> {
    let file = selection.file.name();
    let targets = located(targets, file)?;
    let exclude = located(&selection.exclude, file)?;
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let excluded = exclude.iter().map(|target| format!("--exclude {target}"));
    let head = PlanHead {
        id: random_id()?,
        created_at: now,
        operator: context.operator.clone(),
        mode: switches.mode,
        basis: Basis::Nodes,
        built: switches.build,
        selection: targets
            .iter()
            .map(ToString::to_string)
            .chain(excluded)
            .collect(),
        force: switches.force,
    };
    let selections = select(&targets, &exclude);
    check_excluded(&selections, &exclude)?;
    check_one_flake(&selections, settings)?;
    let nix = Nix {
        arguments: selection.nix_arguments.clone(),
        evaluators: evaluators(switches.eval_jobs, selections.len()),
        ..Nix::default()
    };
    Ok(PlanRequest {
        head,
        selections,
        flags: settings.overrides()?,
        nix,
        against: Against::Nodes,
        checks: switches.checks,
        compare_files: switches.compare_files,
    })
}

/// An exclusion that nothing is left out by is a slip, after which too much would be applied.
fn check_excluded(selections: &[Selection], exclude: &[TargetArgument]) -> Result<(), CliError> {
    let origins: Vec<&Origin> = selections
        .iter()
        .map(|selection| &selection.origin)
        .collect();
    match exclude
        .iter()
        .find(|target| !origins.contains(&&target.origin))
    {
        None => Ok(()),
        Some(target) => Err(CliError::usage(
            format!(
                "--exclude {target} leaves nothing out: {} is not among the TARGETs",
                target.origin
            ),
            format!(
                "write it as a TARGET is written, such as '{}#<node>'",
                origins
                    .iter()
                    .map(|origin| origin.reference())
                    .collect::<Vec<_>>()
                    .join("#<node>' or '")
            ),
        )),
    }
}

/// Several flakes have several nodes.
fn check_one_flake(selections: &[Selection], settings: &SettingArgs) -> Result<(), CliError> {
    if settings.hostname.is_none() || selections.len() == 1 {
        return Ok(());
    }
    Err(CliError::usage(
        "--hostname is of one node, and the TARGETs are of several flakes",
        "name one, such as '.#node'",
    ))
}

async fn save(
    context: &Context,
    plan: &Plan,
    file: &Path,
    expire: std::time::Duration,
) -> Result<(), CliError> {
    keep_outputs(context, plan, expire).await?;
    write_plan(plan, file)
}

/// Writes a plan into a file.
pub(super) fn write_plan(plan: &Plan, file: &Path) -> Result<(), CliError> {
    write_whole(&render_plan(plan), file, "could not save the plan")
}

/// Writes a new file beside it, so that a full disk leaves no half of one.
pub(super) fn write_whole(text: &str, file: &Path, doing: &'static str) -> Result<(), CliError> {
    let io = |source| CliError::io(doing, file, source);
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
    std::io::Write::write_all(&mut temporary, text.as_bytes()).map_err(io)?;
    temporary.persist(file).map_err(|error| io(error.error))?;
    Ok(())
}

/// Keeps the outputs of a plan from garbage collection until it expires.
pub(super) async fn keep_outputs(
    context: &Context,
    plan: &Plan,
    expire: std::time::Duration,
) -> Result<(), CliError> {
    let changed = plan.profiles.iter();
    let changed = changed.filter(|profile| profile.action != Action::Unchanged);
    let (there, here): (Vec<_>, Vec<_>) =
        changed.partition(|profile| profile.built_there().is_some());
    let built = valid(here.iter().map(|profile| &profile.target.path)).await?;
    let derivations = there.iter().filter_map(|profile| profile.built_there());
    let derivations = valid(derivations).await?;
    let folder = StateFolder::new(&context.state_folder).plan_folder(&plan.id, expire)?;
    add_roots(&built, &folder).await?;
    Ok(add_derivation_roots(&derivations, &folder).await?)
}

/// Returns those of the paths that are here, each once.
async fn valid<'a>(paths: impl Iterator<Item = &'a StorePath>) -> Result<Vec<StorePath>, CliError> {
    let mut paths: BTreeSet<StorePath> = paths.cloned().collect();
    if !paths.is_empty() {
        let missing = invalid_paths(paths.iter()).await?;
        paths.retain(|path| !missing.contains(path));
    }
    Ok(paths.into_iter().collect())
}

fn check_gates(plan: &Plan, gates: &[Gate]) -> Result<(), CliError> {
    let lines: Vec<String> = gates
        .iter()
        .flat_map(|gate| {
            let denials = gate.denials(plan).into_iter();
            denials.map(move |denial| format!("{gate}: {denial}"))
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    Err(CliError::Denied {
        lines: lines.join("\n"),
    })
}

/// A node that cannot be read is no failure: it is in the plan. All of them is one.
fn exit_code(plan: &Plan, something_failed: bool, detailed: bool) -> u8 {
    let none_was_read = plan.nodes.iter().all(|node| node.observed != Observed::Ok);
    if something_failed || none_was_read {
        FAILED
    } else if detailed && plan.has_changes() {
        CHANGES
    } else {
        0
    }
}
