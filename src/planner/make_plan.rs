//! From TARGETs to a plan.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc::unbounded_channel;

use super::PlannerContext;
use super::against::{Against, read_base, read_saved};
use super::changes::{Change, Derivations, FailedBuild, build_changes, changes};
use super::checks::with_checks;
use super::closures::{Compared, Group, Names, compare_on_nodes, compare_with, groups};
use super::evaluation::evaluate_fleet;
use super::files::{compare_files_here, compare_files_on_nodes};
use super::observation::observe_nodes;
use super::on_node::read_ways;
use super::roll_back::Stuck;
use super::units::add_active;
use crate::config::{ConfigError, Paths, Selection, Targets};
use crate::model::{FlagSettings, NodeName, StorePath};
use crate::nix::{self, Nix, NixError};
use crate::plan::{
    Basis, Closure, FileDifferences, NodeObservation, Plan, PlanHead, PlanInput, PlannedFleet,
    SystemParts, build_plan, nodes_of_base,
};

/// What is to be planned.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// What the plan says about itself.
    pub head: PlanHead,
    /// The fleets, and what was selected from each.
    pub selections: Vec<Selection>,
    /// What the command line overrides.
    pub flags: FlagSettings,
    /// How Nix is called.
    pub nix: Nix,
    /// What the fleets are compared with.
    pub against: Against,
    /// Whether the checks of the flakes are run.
    pub checks: bool,
    /// Whether the files of profiles are compared, too.
    pub compare_files: bool,
}

/// What the flakes say, and what their nodes are.
#[derive(Debug)]
pub struct FleetsRead {
    /// The flakes.
    pub fleets: Vec<PlannedFleet>,
    /// Their nodes.
    pub observations: BTreeMap<NodeName, NodeObservation>,
    /// Where what the profiles have now lies.
    pub(super) now: Now,
    /// What the plan says of that.
    pub(super) basis: Basis,
}

/// Where what the profiles have now lies.
#[derive(Debug)]
pub(super) enum Now {
    /// On the nodes.
    OnNodes,
    /// Here, once it is built.
    Here(Targets),
    /// It was read earlier.
    Saved(BTreeMap<StorePath, Closure>),
}

/// A plan, and what is said beside it.
#[derive(Debug)]
pub struct MadePlan {
    /// The plan.
    pub plan: Plan,
    /// The targets that could not be built.
    pub failed_builds: Vec<FailedBuild>,
    /// How files differ; none where nobody asked. It holds their text, so it is not in the plan.
    pub files: Option<FileDifferences>,
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
    /// There would have to be as many other revisions.
    #[error("only the nodes of one flake can be compared with another revision of it")]
    #[diagnostic(
        code(deploy::planner::several_flakes),
        help("give TARGETs of one flake, and call once for each flake")
    )]
    SeveralFlakes,
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
        now: Now::OnNodes,
        basis: Basis::Nodes,
    })
}

/// Makes a plan: one evaluation per flake, one reading per node, one build for all.
pub async fn make_plan(
    context: &PlannerContext,
    request: PlanRequest,
) -> Result<MadePlan, PlannerError> {
    let reading = async {
        match &request.against {
            Against::Nodes => read_fleets(context, &request, Paths::Wanted).await,
            Against::Base(base) => read_base(context, &request, base).await,
            Against::Observations(saved) => read_saved(context, &request, saved).await,
        }
    };
    let read = with_checks(context, &request, reading).await?;
    plan_changes(context, request, read).await
}

/// Makes the plan from what was read: one build for all.
pub async fn plan_changes(
    context: &PlannerContext,
    mut request: PlanRequest,
    read: FleetsRead,
) -> Result<MadePlan, PlannerError> {
    let FleetsRead {
        fleets,
        mut observations,
        now,
        basis,
    } = read;
    request.head.basis = basis;
    let mut failed_builds = Vec::new();
    let mut compared = Compared::default();
    let mut files = request.compare_files.then(FileDifferences::new);
    if request.head.built {
        let all = changes(&fleets, &observations);
        let (mut there, mut here): (Vec<Change>, _) =
            all.into_iter().partition(|change| change.built_there);
        let groups = groups(&fleets, &observations);
        if !here.is_empty() {
            let base = now.derivations();
            failed_builds = build_changes(context, &request.nix, &fleets, &base, &mut here).await?;
            compared = now.compare(context, &groups, &here).await?;
        }
        if matches!(now, Now::OnNodes) {
            let ways = there.iter().filter_map(|change| change.way(&groups));
            compared.extend(read_ways(context, ways.collect()).await);
        }
        add_active(&mut compared.units, &observations);
        if let Some(files) = &mut files {
            here.append(&mut there);
            *files = now.compare_files(context, &groups, &here).await;
        }
    }
    if let Now::Here(base) = &now {
        observations = booted_into(&fleets, base);
    }
    let systems = systems(&fleets, &observations);
    let input = PlanInput {
        head: request.head,
        fleets,
        observations,
        generations: BTreeMap::new(),
        closures: compared.closures,
        units: compared.units,
        systems,
    };
    Ok(MadePlan {
        plan: build_plan(&input)?,
        failed_builds,
        files,
    })
}

impl Now {
    /// Compares changes whose targets are built here with what the profiles are now.
    async fn compare(
        &self,
        context: &PlannerContext,
        groups: &BTreeMap<Names, Group>,
        changes: &[Change],
    ) -> Result<Compared, NixError> {
        match self {
            Self::OnNodes => compare_on_nodes(context, groups, changes).await,
            Self::Here(_) => {
                let current = changes.iter().filter_map(|change| change.current.clone());
                compare_with(&nix::closures(&current.collect()).await?, changes).await
            }
            Self::Saved(current) => compare_with(current, changes).await,
        }
    }

    /// Compares the files of changes with those of what the profiles are now.
    async fn compare_files(
        &self,
        context: &PlannerContext,
        groups: &BTreeMap<Names, Group>,
        changes: &[Change],
    ) -> FileDifferences {
        match self {
            Self::OnNodes => compare_files_on_nodes(context, groups, changes).await,
            Self::Here(_) | Self::Saved(_) => compare_files_here(changes),
        }
    }

    fn derivations(&self) -> Derivations {
        match self {
            Self::Here(base) => base
                .values()
                .map(|target| (target.path.clone(), target.drv_path.clone()))
                .collect(),
            Self::OnNodes | Self::Saved(_) => Derivations::new(),
        }
    }
}

/// Once the other revision is built, its systems tell what only a reboot changes.
fn booted_into(fleets: &[PlannedFleet], base: &Targets) -> BTreeMap<NodeName, NodeObservation> {
    let paths: BTreeSet<&StorePath> = base.values().map(|target| &target.path).collect();
    let systems = paths
        .into_iter()
        .map(|path| (path.clone(), nix::system_parts(path)))
        .collect();
    fleets
        .iter()
        .flat_map(|planned| nodes_of_base(&planned.fleet, base, &systems))
        .collect()
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
