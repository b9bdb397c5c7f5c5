//! `deploy` without a subcommand does what deploy-rs does: an `apply` with other defaults.

use std::num::NonZeroUsize;
use std::path::Path;

use clap::CommandFactory;

use super::args::{ApplyArgs, CommandLine, DiffArgs};
use super::bare_args::BareArgs;
use super::context::Context;
use super::error::CliError;
use super::{apply, plan_source};

const HERE: &str = ".";

pub(super) async fn run(context: &Context, args: BareArgs) -> Result<u8, CliError> {
    Box::pin(apply::run(context, translated(args)?)).await
}

fn translated(args: BareArgs) -> Result<ApplyArgs, CliError> {
    let mut targets = args.targets;
    targets.extend(args.target);
    if targets.is_empty() {
        targets.push(HERE.to_owned());
    }
    if args.selection.file.name().is_none() {
        targets.iter().try_for_each(|target| check_target(target))?;
    }
    let mut run = args.run;
    run.yes = !args.interactive;
    run.rollback_succeeded.get_or_insert(true);
    run.all_or_nothing = true;
    run.stops_at_failure = true;
    run.limits.activations.get_or_insert(NonZeroUsize::MIN);
    Ok(ApplyArgs {
        targets,
        force: true,
        checks: !args.skip_checks,
        keep_going: false,
        digest: None,
        skip_stale: false,
        diff: DiffArgs::default(),
        modes: args.modes,
        result: args.result,
        copy: args.copy,
        run,
        evaluation: args.evaluation,
        selection: args.selection,
        settings: args.settings,
        display: args.display,
        logs: args.logs,
    })
}

/// A fleet is meant, so what looks like anything else is a slip.
fn check_target(target: &str) -> Result<(), CliError> {
    if is_subcommand(target) {
        return Err(CliError::usage(
            format!("`{target}` is a subcommand, and has to come first"),
            format!("write `deploy {target} …`, or ./{target} for the flake in that folder"),
        ));
    }
    if plan_source::is_plan(target) && !Path::new(target).is_dir() {
        return Err(CliError::usage(
            format!("{target} is a saved plan, and not a flake"),
            format!("write `deploy apply {target}`"),
        ));
    }
    Ok(())
}

fn is_subcommand(word: &str) -> bool {
    let line = CommandLine::command();
    line.get_subcommands()
        .any(|command| command.get_name() == word)
}
