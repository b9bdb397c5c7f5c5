//! From TARGETs to a plan.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc::unbounded_channel;

use super::PlannerContext;
use super::build::build_targets;
use super::closures::{Change, compare_changes};
use super::evaluation::evaluate_fleet;
use super::observation::observe_nodes;
use super::roll_back::Stuck;
use crate::config::{ConfigError, Paths, Selection};
use crate::model::{FlagSettings, NodeName, ProfileName, StorePath};
use crate::nix::{self, Nix, NixError};
use crate::plan::{
    NodeObservation, Plan, PlanHead, PlanInput, PlannedFleet, SystemParts, build_plan,
};

/// What is to be planned.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// What the plan says about itself.
    pub head: PlanHead,
    /// The flakes, and what was selected from each.
    pub selections: Vec<Selection>,
    /// What the command line overrides.
    pub flags: FlagSettings,
    /// How Nix is called.
    pub nix: Nix,
}

/// What the flakes say, and what their nodes are.
#[derive(Debug)]
pub struct FleetsRead {
    /// The flakes.
    pub fleets: Vec<PlannedFleet>,
    /// Their nodes.
    pub observations: BTreeMap<NodeName, NodeObservation>,
}

/// A plan, and what could not be built for it.
#[derive(Debug)]
pub struct MadePlan {
    /// The plan.
    pub plan: Plan,
    /// The targets that could not be built.
    pub failed_builds: Vec<FailedBuild>,
}

/// A target that could not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedBuild {
    /// The derivations that failed: the target's own, or some that it needs.
    pub derivations: Vec<String>,
    /// The profiles that wait for it.
    pub waiting: Vec<(NodeName, ProfileName)>,
    /// What Nix said, with the last lines of the logs.
    pub lines: Vec<String>,
}

/// A plan that could not be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PlannerError {
    /// The flake does not say something that can be planned.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
    /// Nix failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Nix(#[from] NixError),
    /// Profiles cannot go back.
    #[error("{}", describe_stuck(.0))]
    #[diagnostic(
        code(deploy::planner::no_way_back),
        help(
            "nothing was changed on any node; `deploy rollback --list` shows what generations there are"
        )
    )]
    Stuck(Vec<Stuck>),
}

fn describe_stuck(stuck: &[Stuck]) -> String {
    let line = |stuck: &Stuck| format!("{}.{}: {}", stuck.node, stuck.profile, stuck.reason);
    stuck.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Evaluates the flakes, each once, and reads their nodes at the same time.
pub async fn read_fleets(
    context: &PlannerContext,
    request: &PlanRequest,
    paths: Paths,
) -> Result<FleetsRead, PlannerError> {
    Nix::prepare_store().await;
    let (sender, nodes) = unbounded_channel();
    let evaluations = request.selections.iter().map(|selection| {
        evaluate_fleet(
            context,
            &request.nix,
            (selection, paths),
            &request.flags,
            sender.clone(),
        )
    });
    let evaluations = futures_util::future::try_join_all(evaluations);
    drop(sender);
    let observing = async { Ok::<_, PlannerError>(observe_nodes(context, nodes).await) };
    let (fleets, observations) = tokio::try_join!(evaluations, observing)?;
    Ok(FleetsRead {
        fleets,
        observations,
    })
}

/// Makes a plan: one evaluation per flake, one reading per node, one build for all.
pub async fn make_plan(
    context: &PlannerContext,
    request: PlanRequest,
) -> Result<MadePlan, PlannerError> {
    let read = read_fleets(context, &request, Paths::Wanted).await?;
    plan_changes(context, request, read).await
}

/// Makes the plan from what was read: one build for all.
pub async fn plan_changes(
    context: &PlannerContext,
    request: PlanRequest,
    read: FleetsRead,
) -> Result<MadePlan, PlannerError> {
    let FleetsRead {
        fleets,
        observations,
    } = read;
    let mut changes = changes(&fleets, &observations);
    let mut failed_builds = Vec::new();
    let mut closures = BTreeMap::new();
    if request.head.built && !changes.is_empty() {
        failed_builds = build_changes(context, &request.nix, &fleets, &mut changes).await?;
        closures = compare_changes(context, &changes).await?;
    }
    let systems = systems(&fleets, &observations);
    let input = PlanInput {
        head: request.head,
        fleets,
        observations,
        generations: BTreeMap::new(),
        closures,
        systems,
    };
    Ok(MadePlan {
        plan: build_plan(&input)?,
        failed_builds,
    })
}

/// Reads the targets of nodes that were booted into a system, for what only a reboot changes.
fn systems(
    fleets: &[PlannedFleet],
    observations: &BTreeMap<NodeName, NodeObservation>,
) -> BTreeMap<StorePath, SystemParts> {
    let is_system = |node: &NodeName| match observations.get(node) {
        Some(NodeObservation::Ok(facts)) => facts.booted_parts != SystemParts::default(),
        _ => false,
    };
    let targets = fleets.iter().flat_map(|planned| &planned.targets);
    let targets = targets.filter(|((node, _), _)| is_system(node));
    let paths: BTreeSet<&StorePath> = targets.map(|(_, target)| &target.path).collect();
    let parts = paths
        .into_iter()
        .map(|path| (path.clone(), nix::system_parts(path)));
    parts.collect()
}

/// Returns the profiles of nodes that were read whose target is not what they have.
fn changes(
    fleets: &[PlannedFleet],
    observations: &BTreeMap<NodeName, NodeObservation>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (planned, node) in fleets
        .iter()
        .flat_map(|planned| planned.fleet.nodes.iter().map(move |node| (planned, node)))
    {
        let Some(NodeObservation::Ok(facts)) = observations.get(&node.name) else {
            continue;
        };
        for profile in &node.profiles {
            let target = planned
                .targets
                .get(&(node.name.clone(), profile.name.clone()));
            let state = facts
                .profiles
                .get(&profile.name)
                .map(|observed| &observed.state);
            let (Some(target), Some(state), Some(nix_folder)) = (target, state, &facts.nix_folder)
            else {
                continue;
            };
            if state.path() != Some(&target.path) {
                changes.push(Change {
                    node: node.name.clone(),
                    profile: profile.name.clone(),
                    connection: profile.connection.clone(),
                    nix_folder: nix_folder.clone(),
                    current: state.path().cloned(),
                    target: target.path.clone(),
                });
            }
        }
    }
    changes
}

/// Builds all targets in one call, and takes those that failed out of the changes.
async fn build_changes(
    context: &PlannerContext,
    nix: &Nix,
    fleets: &[PlannedFleet],
    changes: &mut Vec<Change>,
) -> Result<Vec<FailedBuild>, NixError> {
    let all = fleets.iter().flat_map(|planned| planned.targets.values());
    let derivations: BTreeMap<&StorePath, Option<&StorePath>> = all
        .map(|target| (&target.path, target.drv_path.as_ref()))
        .collect();
    let targets: BTreeMap<StorePath, Option<StorePath>> = changes
        .iter()
        .map(|change| {
            (
                change.target.clone(),
                derivations.get(&change.target).copied().flatten().cloned(),
            )
        })
        .collect();
    let failures = build_targets(context, nix, &targets).await?;
    let failed = failures
        .into_iter()
        .map(|(path, failure)| FailedBuild {
            derivations: failure.derivations,
            waiting: changes
                .iter()
                .filter(|change| change.target == path)
                .map(|change| (change.node.clone(), change.profile.clone()))
                .collect(),
            lines: failure.lines,
        })
        .collect::<Vec<_>>();
    let waiting: BTreeSet<&(NodeName, ProfileName)> =
        failed.iter().flat_map(|build| &build.waiting).collect();
    changes.retain(|change| !waiting.contains(&(change.node.clone(), change.profile.clone())));
    Ok(failed)
}
