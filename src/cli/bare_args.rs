//! `deploy` without a subcommand, as it is typed: the command line of deploy-rs.

use clap::Args;

use super::args::{
    CopyArgs, DisplayArgs, EvaluationArgs, LogArgs, ModeArgs, ResultArgs, RunArgs, SelectionArgs,
    SettingArgs,
};

#[derive(Debug, Args)]
pub(super) struct BareArgs {
    /// What to deploy: FLAKE, FLAKE#node or FLAKE#node.profile [default: .]
    #[arg(value_name = "TARGET", conflicts_with = "targets")]
    pub(super) target: Option<String>,

    /// What to deploy, where it is several
    #[arg(long, value_name = "TARGET", num_args = 1..)]
    pub(super) targets: Vec<String>,

    /// Show the plan and ask before anything is changed
    #[arg(long, short, conflicts_with = "yes")]
    pub(super) interactive: bool,

    /// Do not run the checks of the flake first
    #[arg(long, short)]
    pub(super) skip_checks: bool,

    #[command(flatten)]
    pub(super) modes: ModeArgs,

    #[command(flatten)]
    pub(super) result: ResultArgs,

    #[command(flatten)]
    pub(super) copy: CopyArgs,

    #[command(flatten)]
    pub(super) run: RunArgs,

    #[command(flatten)]
    pub(super) evaluation: EvaluationArgs,

    #[command(flatten)]
    pub(super) selection: SelectionArgs,

    #[command(flatten)]
    pub(super) settings: SettingArgs,

    #[command(flatten)]
    pub(super) display: DisplayArgs,

    #[command(flatten)]
    pub(super) logs: LogArgs,
}
