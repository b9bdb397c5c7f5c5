//! A saved plan, made ready to be applied exactly as it was reviewed.

use std::path::Path;

use super::args::ApplyArgs;
use super::carry_out::Prepared;
use super::error::CliError;
use super::evaluators::evaluators;
use super::origin::located;
use super::plan_source::{narrow, read_plan};
use super::preparation::{Preparation, read_again};
use super::signals::interruptible;
use crate::apply::{Activations, Exit, StaleProfile, find_stale, fleet_nodes};
use crate::config::TargetArgument;
use crate::nix::{Nix, Signatures};
use crate::plan::{Mode, Plan, StepId};
use crate::planner::restore_outputs;
use crate::schedule::Outcome;

/// Reads a saved plan, and refuses flags that would change what was reviewed.
pub(super) fn saved_plan(args: &ApplyArgs, file: &str, own_host: &str) -> Result<Plan, CliError> {
    let mut given = args.settings.given_that_change_a_plan();
    given.extend(args.checks.then_some("--checks"));
    given.extend(args.keep_going.then_some("--keep-going"));
    given.extend(args.force.then_some("--force"));
    given.extend(args.diff.of_files().then_some("--diff"));
    given.extend(args.modes.boot.then_some("--boot"));
    given.extend(args.modes.dry_activate.then_some("--dry-activate"));
    given.extend(args.selection.file.name().map(|_| "--file"));
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
    check_machine(&plan, own_host)?;
    if let Some(basis) = plan.basis.describe() {
        return Err(CliError::refused(
            Exit::Failed,
            format!("{basis}, and nothing was changed"),
            "make a plan with access to the nodes: `deploy plan --out FILE`",
        ));
    }
    let targets = located(&targets.collect::<Result<Vec<_>, _>>()?, None)?;
    let mut plan = narrow(plan, &targets)?;
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

/// A node without ssh is the machine that the plan was made on.
fn check_machine(plan: &Plan, own_host: &str) -> Result<(), CliError> {
    let local = plan
        .profiles
        .iter()
        .find(|profile| profile.connection.local);
    match local {
        Some(profile) if plan.operator.host != own_host => Err(CliError::refused(
            Exit::Failed,
            format!(
                "{} is the machine {}, on which the plan was made, and this one is {own_host}",
                profile.node, plan.operator.host
            ),
            "apply the plan there, or plan again with `local = false` in the node",
        )),
        _ => Ok(()),
    }
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

pub(super) fn check_no_digest(args: &ApplyArgs) -> Result<(), CliError> {
    match &args.digest {
        Some(_) => Err(CliError::usage(
            "--digest needs a saved plan",
            "save one with `deploy plan --out FILE`, and give the file to `deploy apply`",
        )),
        None => Ok(()),
    }
}

/// Reads all nodes of a saved plan again, once what runs that died have left is taken back: any
/// stale profile refuses the whole plan.
pub(super) async fn check_saved(
    preparation: &mut Preparation<'_>,
    plan: Plan,
    args: &ApplyArgs,
) -> Result<Prepared, CliError> {
    let nodes = fleet_nodes(&plan);
    let reading = async { Ok::<_, CliError>(read_again(&preparation.planner, &nodes).await) };
    let mut observations = interruptible(&mut preparation.interrupts, reading).await?;
    preparation
        .recover_first(&nodes, &mut observations, false)
        .await?;
    let stale = find_stale(&plan, &observations);
    if !stale.is_empty() && !args.skip_stale {
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
    let restoring = async {
        Ok::<_, CliError>(match plan.mode {
            Mode::RollBack => false,
            Mode::Switch | Mode::Boot => {
                let evaluators = evaluators(args.evaluation.jobs, 1);
                restore_outputs(&preparation.planner, &plan, evaluators).await?
            }
        })
    };
    let restored = interruptible(&mut preparation.interrupts, restoring).await?;
    let arguments = plan
        .flakes
        .first()
        .map(|flake| flake.nix_args.clone())
        .unwrap_or_default();
    Ok(Prepared {
        files: None,
        refused: refused.collect(),
        nix: Nix {
            arguments,
            ..Nix::default()
        },
        plan,
        saved: true,
        activations: Activations::Real,
        keeps_outputs: restored,
        keeps_going: false,
        signatures: Signatures::default(),
        results: None,
    })
}

fn describe_stale(stale: &StaleProfile) -> String {
    format!("{}.{}: {}", stale.node, stale.profile, stale.message)
}
