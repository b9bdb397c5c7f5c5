//! The outputs of a saved plan on a machine that does not have them: from a substituter, or made
//! again from the locked reference, but never other ones than were reviewed.

use std::collections::{BTreeMap, BTreeSet};

use super::build::build_targets;
use super::evaluation::evaluate_targets;
use super::{PlannerContext, PlannerError};
use crate::apply::Event;
use crate::config::{Evaluators, NodeSelection, Origin, Selection, Targets};
use crate::model::StorePath;
use crate::nix::{Nix, NixError, invalid_paths};
use crate::plan::{Action, Flake, OriginKind, Plan, PlannedProfile};

/// Outputs of a saved plan that cannot be had here.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum OutputsError {
    /// Nix or the flake is at fault.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Planner(#[from] PlannerError),
    /// The tree was never committed, so nobody else can have it.
    #[error(
        "{path} is not here, and cannot be made here: the plan was made from {flake} with uncommitted changes"
    )]
    #[diagnostic(
        code(deploy::outputs::dirty),
        help(
            "apply it on the machine that made it, bring its outputs to a substituter, or commit and plan again"
        )
    )]
    Dirty {
        /// The flake.
        flake: String,
        /// The output.
        path: StorePath,
    },
    /// Nobody else can have the file as it was.
    #[error(
        "{path} is not here, and cannot be made here: the plan was made from the file {file}, which nothing locks"
    )]
    #[diagnostic(
        code(deploy::outputs::file),
        help(
            "apply it on the machine that made it, bring its outputs to a substituter, or plan again here"
        )
    )]
    NotLocked {
        /// The file.
        file: String,
        /// The output.
        path: StorePath,
    },
    /// The locked reference gives something else.
    #[error("{flake} gives {found} for {profile} here, and not {path}, which was reviewed")]
    #[diagnostic(
        code(deploy::outputs::differs),
        help(
            "its evaluation depends on something outside of the flake, such as the system or the environment; plan again here"
        )
    )]
    Differs {
        /// The locked reference.
        flake: String,
        /// The node and profile.
        profile: String,
        /// What was reviewed.
        path: StorePath,
        /// What it is here.
        found: String,
    },
    /// It was evaluated, and does not build.
    #[error("{path} is not here, and does not build here\n{}", said.join("\n"))]
    #[diagnostic(code(deploy::outputs::build), help("nothing was changed on any node"))]
    Build {
        /// The output.
        path: StorePath,
        /// What Nix said.
        said: Vec<String>,
    },
}

impl From<NixError> for OutputsError {
    fn from(error: NixError) -> Self {
        Self::Planner(error.into())
    }
}

/// Makes sure that what the plan copies can be had here. Returns whether something was fetched or
/// made for it.
///
/// # Errors
/// Where an output that was reviewed cannot be had.
pub async fn restore_outputs(
    context: &PlannerContext,
    plan: &Plan,
    evaluators: Evaluators,
) -> Result<bool, OutputsError> {
    let copied: Vec<&PlannedProfile> = plan
        .profiles
        .iter()
        .filter(|profile| matches!(profile.action, Action::Create | Action::Update))
        .collect();
    let lost = lost(&copied).await?;
    if lost.is_empty() {
        return Ok(false);
    }
    fetch(context, plan, &lost).await?;
    let lost = self::lost(&lost).await?;
    for (index, flake) in plan.flakes.iter().enumerate() {
        let of_flake = |profile: &&PlannedProfile| {
            plan.node(&profile.node)
                .is_some_and(|node| node.flake == index)
        };
        let lost: Vec<_> = lost.iter().copied().filter(of_flake).collect();
        if !lost.is_empty() {
            remake(context, (flake, evaluators), &lost).await?;
        }
    }
    Ok(true)
}

/// Returns the profiles whose outputs are not here, and whose derivations are not either. What is
/// built on its node needs its derivation.
async fn lost<'a>(profiles: &[&'a PlannedProfile]) -> Result<Vec<&'a PlannedProfile>, NixError> {
    let outputs = profiles.iter().map(|profile| &profile.target.path);
    let derivations = profiles
        .iter()
        .filter_map(|profile| profile.target.drv_path.as_ref());
    let missing: BTreeSet<StorePath> = invalid_paths(outputs.chain(derivations))
        .await?
        .into_iter()
        .collect();
    let is_lost = |profile: &&&PlannedProfile| {
        let target = &profile.target;
        let can_be_built = target
            .drv_path
            .as_ref()
            .is_some_and(|path| !missing.contains(path));
        let is_wanted = profile.built_there().is_some() || missing.contains(&target.path);
        is_wanted && !can_be_built
    };
    Ok(profiles.iter().filter(is_lost).copied().collect())
}

/// Asks the substituters; what they lack stays lost.
async fn fetch(
    context: &PlannerContext,
    plan: &Plan,
    lost: &[&PlannedProfile],
) -> Result<(), NixError> {
    let arguments = plan.flakes.first().map(|flake| flake.nix_args.clone());
    let nix = Nix {
        arguments: arguments.unwrap_or_default(),
        ..Nix::default()
    };
    let wanted = lost
        .iter()
        .filter(|profile| profile.built_there().is_none());
    let wanted: BTreeMap<_, _> = wanted
        .map(|profile| (profile.target.path.clone(), None))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let failed = build_targets(context, &nix, &wanted).await?;
    for path in failed.keys() {
        context.sink.send(Event::Noted {
            node: None,
            message: format!("no substituter has {path}"),
        });
    }
    Ok(())
}

/// Returns what has to be here of a profile.
fn wanted(profile: &PlannedProfile) -> &StorePath {
    profile.built_there().unwrap_or(&profile.target.path)
}

/// Evaluates the locked reference again, and builds what comes out if it is what was reviewed.
/// Evaluating it is what makes the derivations.
async fn remake(
    context: &PlannerContext,
    (flake, evaluators): (&Flake, Evaluators),
    lost: &[&PlannedProfile],
) -> Result<(), OutputsError> {
    if flake.kind == OriginKind::File {
        return Err(OutputsError::NotLocked {
            file: flake.url.clone(),
            path: lost[0].target.path.clone(),
        });
    }
    if flake.dirty {
        return Err(OutputsError::Dirty {
            flake: flake.url.clone(),
            path: wanted(lost[0]).clone(),
        });
    }
    let nix = Nix {
        arguments: flake.nix_args.clone(),
        evaluators,
        ..Nix::default()
    };
    let targets = evaluate_again(context, &nix, flake, lost).await?;
    let mut to_build = BTreeMap::new();
    for profile in lost {
        let key = (profile.node.clone(), profile.profile.clone());
        let target = targets.get(&key);
        let found = target.and_then(|target| match profile.built_there() {
            Some(_) => target.drv_path.as_ref(),
            None => Some(&target.path),
        });
        let path = wanted(profile);
        if found != Some(path) {
            return Err(OutputsError::Differs {
                flake: flake.locked.clone(),
                profile: format!("{}.{}", profile.node, profile.profile),
                path: path.clone(),
                found: found.map_or("nothing".to_owned(), ToString::to_string),
            });
        }
        if let Some(target) = target.filter(|_| profile.built_there().is_none()) {
            to_build.insert(target.path.clone(), target.drv_path.clone());
        }
    }
    if to_build.is_empty() {
        return Ok(());
    }
    match build_targets(context, &nix, &to_build)
        .await?
        .into_iter()
        .next()
    {
        None => Ok(()),
        Some((path, failure)) => Err(OutputsError::Build {
            path,
            said: failure.lines,
        }),
    }
}

async fn evaluate_again(
    context: &PlannerContext,
    nix: &Nix,
    flake: &Flake,
    lost: &[&PlannedProfile],
) -> Result<Targets, PlannerError> {
    let mut nodes = BTreeMap::new();
    for profile in lost {
        let node = nodes
            .entry(profile.node.clone())
            .or_insert_with(|| NodeSelection::Profiles(BTreeSet::new()));
        if let NodeSelection::Profiles(profiles) = node {
            profiles.insert(profile.profile.clone());
        }
    }
    let selection = Selection {
        origin: Origin::Flake(flake.locked.clone()),
        nodes: Some(nodes),
        excluded: BTreeMap::new(),
    };
    evaluate_targets(context, nix, &selection).await
}
