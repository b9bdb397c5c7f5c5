//! The command line as it is typed. No logic: `flags` and the commands give it its meaning.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::bare_args::BareArgs;
use crate::config::TargetArgument;
use crate::model::{AbsolutePath, Generation, HostName, OnDegraded, UserName};
use crate::plan::Gate;
use crate::report::Requested;

/// Plan and apply changes to fleets of NixOS and Nix machines described by a flake
///
/// The flake says in `deploy.nodes.<node>.profiles.<profile>` what every node shall run. `deploy
/// plan` shows what would change, `deploy apply` makes it so and takes back what fails.
///
/// Without a command it does what deploy-rs does, with its flags: checks the flake, does not ask,
/// activates unchanged profiles too, and one node after the other.
#[derive(Debug, Parser)]
#[command(
    name = "deploy",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    // Not to ask is what it does anyway.
    mut_arg("yes", |yes| yes.hide(true))
)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) bare: BareArgs,
}

impl CommandLine {
    /// Returns what the commands that look at nodes have in common.
    pub(super) fn display(&self) -> Option<&DisplayArgs> {
        match &self.command {
            None => Some(&self.bare.display),
            Some(Command::Plan(args)) => Some(&args.display),
            Some(Command::Apply(args)) => Some(&args.display),
            Some(Command::Rollback(args)) => Some(&args.display),
            Some(Command::Status(args)) => Some(&args.display),
            Some(Command::Check(args)) => Some(&args.display),
            Some(Command::Show(_)) => None,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Plan(PlanArgs),
    Apply(ApplyArgs),
    Rollback(RollbackArgs),
    Status(StatusArgs),
    Check(CheckArgs),
    Show(ShowArgs),
}

/// Show what would change
///
/// Evaluates the flake, reads what every selected node runs now, builds what changed, and
/// compares. Changes nothing on any node.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct PlanArgs {
    /// What to plan: FLAKE, FLAKE#node or FLAKE#node.profile
    #[arg(value_name = "TARGET", default_value = ".")]
    pub(super) targets: Vec<TargetArgument>,

    /// Save the plan, for `deploy apply FILE` and `deploy show FILE`
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,

    /// How to print the plan
    #[arg(long, value_enum, default_value_t = PlanFormat::Human)]
    pub(super) format: PlanFormat,

    /// Compare with the fleet at another revision instead of asking any node
    ///
    /// FLAKE may be a Nix file, as a TARGET may. Both are evaluated and built here; no node is logged in to. Shows what changes between the two for
    /// nodes that run what FLAKE says. Such a plan cannot be applied.
    #[arg(long, value_name = "FLAKE", conflicts_with = "observed")]
    pub(super) base: Option<String>,

    /// Compare with what `deploy status --out FILE` has saved instead of asking any node
    ///
    /// Such a plan cannot be applied.
    #[arg(long, value_name = "FILE", conflicts_with = "diff")]
    pub(super) observed: Option<PathBuf>,

    /// Exit with 2 if there are changes
    #[arg(long)]
    pub(super) detailed_exitcode: bool,

    /// Exit with 6 if the plan does this; several are separated by commas
    ///
    /// `KIND[:PATTERN][@NODES]`, where KIND is downgrade, removed, added (of packages), restart, stop, reload
    /// (of systemd's units), reboot, drift,
    /// no-way-back, rollback-off, create, unknown (of profiles) or unreachable (of nodes). Patterns take `*` and `?`.
    #[arg(long, value_name = "GATE", value_delimiter = ',')]
    pub(super) deny: Vec<Gate>,

    /// Run the checks of the flake, too
    #[arg(long)]
    pub(super) checks: bool,

    /// Do not build what changed; packages and sizes are then unknown
    #[arg(long, conflicts_with_all = ["dry_activate", "keep_result", "result_path", "diff"])]
    pub(super) no_build: bool,

    /// Plan to activate unchanged profiles too
    #[arg(long)]
    pub(super) force: bool,

    /// How long a saved plan keeps its outputs from garbage collection
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = humantime::parse_duration)]
    pub(super) expire: std::time::Duration,

    #[command(flatten)]
    pub(super) diff: DiffArgs,

    #[command(flatten)]
    pub(super) modes: ModeArgs,

    #[command(flatten)]
    pub(super) result: ResultArgs,

    #[command(flatten)]
    pub(super) evaluation: EvaluationArgs,

    #[command(flatten)]
    pub(super) selection: SelectionArgs,

    #[command(flatten)]
    pub(super) settings: SettingArgs,

    #[command(flatten)]
    pub(super) display: DisplayArgs,
}

/// Make it so: build, copy, activate, confirm, and take back what fails
///
/// A TARGET that is a regular file (but no `.nix`), ends in `.json` or is `-` is a saved plan, applied
/// exactly as it was reviewed; further TARGETs narrow it.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct ApplyArgs {
    /// What to apply: FLAKE, FLAKE#node, FLAKE#node.profile, or a plan FILE
    #[arg(value_name = "TARGET", default_value = ".")]
    pub(super) targets: Vec<String>,

    /// Activate unchanged profiles too
    #[arg(long)]
    pub(super) force: bool,

    /// Run the checks of the flake first
    #[arg(long)]
    pub(super) checks: bool,

    /// Go on with the nodes that need nothing of what cannot be built
    #[arg(long, conflicts_with = "all_or_nothing")]
    pub(super) keep_going: bool,

    /// Apply the saved plan only if it has this digest
    #[arg(long, value_name = "DIGEST")]
    pub(super) digest: Option<String>,

    /// Go on with the other nodes where a saved plan is stale
    #[arg(long, conflicts_with = "all_or_nothing")]
    pub(super) skip_stale: bool,

    #[command(flatten)]
    pub(super) diff: DiffArgs,

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

/// Go back to an earlier generation
///
/// Plans, shows and applies the way back like any other change: with its package diff, confirmed, and
/// taken back if it fails. Whoever made a generation, it can be gone back to. Evaluates settings only,
/// so that it works while a system does not evaluate; builds nothing and makes no generation.
#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// What goes back: FLAKE, FLAKE#node or FLAKE#node.profile
    #[arg(value_name = "TARGET", required = true)]
    pub(super) targets: Vec<TargetArgument>,

    /// The generation to go back to [default: the one before the current]; needs a TARGET with one
    /// profile
    #[arg(long, value_name = "N", value_parser = generation)]
    pub(super) to: Option<Generation>,

    /// Only show the generations that there are
    #[arg(long, conflicts_with_all = ["to", "out", "yes", "json", "diff"])]
    pub(super) list: bool,

    /// Save the plan instead of applying it, for `deploy apply FILE`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["yes", "json"])]
    pub(super) out: Option<PathBuf>,

    #[command(flatten)]
    pub(super) diff: DiffArgs,

    #[command(flatten)]
    pub(super) run: RunArgs,

    #[command(flatten)]
    pub(super) selection: SelectionArgs,

    #[command(flatten)]
    pub(super) settings: SettingArgs,

    #[command(flatten)]
    pub(super) display: DisplayArgs,
}

fn generation(text: &str) -> Result<Generation, std::num::ParseIntError> {
    text.parse().map(Generation)
}

/// What activating means.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Activation")]
pub(super) struct ModeArgs {
    /// Prepare the profiles for the next boot, instead of activating them
    #[arg(long)]
    pub(super) boot: bool,

    /// Copy, and have the closures say on the nodes what they would do; changes nothing
    #[arg(long, conflicts_with = "boot")]
    pub(super) dry_activate: bool,
}

/// What is shown beside the plan.
#[derive(Debug, Default, Args)]
pub(super) struct DiffArgs {
    /// Show how text files under etc of profiles differ, too; no saved plan has it
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) diff: Option<Diff>,
}

/// What differences are shown beside the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Diff {
    /// Those of files.
    Files,
}

impl DiffArgs {
    /// Returns whether files are compared.
    pub(super) fn of_files(&self) -> bool {
        self.diff == Some(Diff::Files)
    }
}

/// What becomes of the outputs.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Build")]
pub(super) struct ResultArgs {
    /// Keep what is built from garbage collection, by links FOLDER/NODE/PROFILE
    #[arg(long, short)]
    pub(super) keep_result: bool,

    /// The FOLDER for these links, which are made where it is given [default: .deploy-gc]
    #[arg(long, short, value_name = "FOLDER")]
    pub(super) result_path: Option<PathBuf>,
}

impl ResultArgs {
    /// Returns the folder for the links to results, if they are wanted.
    pub(super) fn folder(&self) -> Option<&Path> {
        const DEFAULT: &str = ".deploy-gc";
        match (&self.result_path, self.keep_result) {
            (Some(folder), _) => Some(folder),
            (None, true) => Some(Path::new(DEFAULT)),
            (None, false) => None,
        }
    }
}

/// How closures are copied.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Copy")]
pub(super) struct CopyArgs {
    /// Have the nodes check the signatures of what is copied to them
    #[arg(long, short)]
    pub(super) checksigs: bool,
}

/// How a run goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct RunArgs {
    /// Do not ask before anything is changed
    #[arg(long, short)]
    pub(super) yes: bool,

    /// How long to wait for a profile that another run holds
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub(super) lock_timeout: std::time::Duration,

    /// Where one profile fails, take back also those that this run has activated already
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(super) rollback_succeeded: Option<bool>,

    /// Activate nothing unless every node can be reached and copied to
    #[arg(long)]
    pub(super) all_or_nothing: bool,

    /// Start nothing more once something has failed, also where nothing is taken back for it
    #[arg(skip)]
    pub(super) stops_at_failure: bool,

    /// Print every event as a line of JSON
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

/// How much goes on at the same time.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Most builds at the same time [default: what Nix is set to]
    #[arg(long = "max-builds", value_name = "N")]
    pub(super) builds: Option<NonZeroUsize>,

    /// Most nodes that are copied to at the same time [default: 10]
    #[arg(long = "max-copies", value_name = "N")]
    pub(super) copies: Option<NonZeroUsize>,

    /// Most profiles that are activated at the same time [default: 50; 1 without a command]
    #[arg(long = "max-activations", value_name = "N")]
    pub(super) activations: Option<NonZeroUsize>,
}

impl RunArgs {
    /// Returns how its progress is to be shown.
    pub(super) fn requested(&self) -> Requested {
        if self.json {
            Requested::Json
        } else {
            Requested::Auto
        }
    }
}

/// Show what nodes are now, and what became of their last runs
///
/// Reads the current generation of every selected profile, whether something else runs than its link
/// says, and whether a run is at work, was interrupted or went back. Evaluates settings only, so that
/// it works while a system does not evaluate. Changes nothing.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// What to look at: FLAKE, FLAKE#node or FLAKE#node.profile
    #[arg(value_name = "TARGET", default_value = ".")]
    pub(super) targets: Vec<TargetArgument>,

    /// Save what was read, for `deploy plan --observed FILE`
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,

    /// Exit with 2 if something is not as its last deployment left it
    #[arg(long)]
    pub(super) detailed_exitcode: bool,

    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,

    #[command(flatten)]
    pub(super) selection: SelectionArgs,

    #[command(flatten)]
    pub(super) settings: SettingArgs,

    #[command(flatten)]
    pub(super) display: DisplayArgs,
}

/// Tell what is wrong with a fleet: misspelled options, options without effect, wrong values
///
/// Finds everything at once. Evaluates settings only, so that it works while a system does not
/// evaluate, and asks no node without --nodes. Exits with 1 if there is an error.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// What to check: FLAKE, or FLAKE#node or FLAKE#node.profile for a part of it
    #[arg(value_name = "FLAKE", default_value = ".")]
    pub(super) targets: Vec<TargetArgument>,

    /// Evaluate the paths of the profiles too
    #[arg(long)]
    pub(super) paths: bool,

    /// Read the nodes too: whether they can be reached, and have something to go back to
    #[arg(long)]
    pub(super) nodes: bool,

    /// Exit with 1 if there is a warning
    #[arg(long)]
    pub(super) strict: bool,

    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,

    #[command(flatten)]
    pub(super) evaluation: EvaluationArgs,

    #[command(flatten)]
    pub(super) selection: SelectionArgs,

    #[command(flatten)]
    pub(super) settings: SettingArgs,

    #[command(flatten)]
    pub(super) display: DisplayArgs,
}

/// Print a saved plan
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The plan, or `-` for standard input
    pub(super) file: PathBuf,

    /// How to print it
    #[arg(long, value_enum, default_value_t = PlanFormat::Human)]
    pub(super) format: PlanFormat,

    /// Print only the digest, to which an approval can be bound with `deploy apply --digest`
    #[arg(long, conflicts_with = "format")]
    pub(super) digest: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people
    Human,
    /// The whole plan, as in schema/plan.schema.json
    Json,
    /// For a comment on a pull request, at most 60,000 characters
    Markdown,
    /// The graph of the steps, for Graphviz
    Dot,
    /// The graph of the steps, for Mermaid
    Mermaid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

/// What takes the place of a flake.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct FileArgs {
    /// A Nix file, or a folder with a `default.nix`, instead of a flake; a TARGET is then NODE or
    /// NODE.PROFILE
    #[arg(long, short, value_name = "FILE")]
    pub(super) file: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct SelectionArgs {
    #[command(flatten)]
    pub(super) file: FileArgs,

    /// Leave this node or profile out; may be given several times
    #[arg(long, value_name = "TARGET")]
    pub(super) exclude: Vec<TargetArgument>,

    /// Arguments for `nix eval` and `nix build`
    #[arg(last = true, value_name = "NIX_ARGUMENT")]
    pub(super) nix_arguments: Vec<String>,
}

/// How the paths of profiles are evaluated.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct EvaluationArgs {
    /// Most evaluators at the same time; 1 is one for all nodes [default: what cores and memory allow,
    /// for 8 nodes or more each]
    #[arg(long = "eval-jobs", value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,
}

/// Each overrides the option of that name in the flake, for all selected profiles.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings (each overrides the flake)")]
pub(super) struct SettingArgs {
    /// The user to log in as
    #[arg(long, value_name = "USER")]
    pub(super) ssh_user: Option<UserName>,

    /// The user that the profile belongs to
    #[arg(long, value_name = "USER")]
    pub(super) profile_user: Option<UserName>,

    /// Options for ssh; they replace all `sshOpts` of the flake
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub(super) ssh_opts: Option<String>,

    /// Copy everything from here instead of letting the node substitute
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(super) fast_connection: Option<bool>,

    /// Go back when an activation fails
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(super) auto_rollback: Option<bool>,

    /// The host name or address of the node
    #[arg(long, value_name = "HOST")]
    pub(super) hostname: Option<HostName>,

    /// Go back when the node cannot be reached after an activation
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(super) magic_rollback: Option<bool>,

    /// Seconds that an activation waits for its confirmation
    #[arg(long, value_name = "SECONDS")]
    pub(super) confirm_timeout: Option<u64>,

    /// Most seconds that an activation may take
    #[arg(long, value_name = "SECONDS")]
    pub(super) activation_timeout: Option<u64>,

    /// What to do when some units of a node have failed: `rollback` or `keep`
    #[arg(long, value_name = "ACTION")]
    pub(super) on_degraded: Option<OnDegraded>,

    /// Folder on the node for the confirmation
    #[arg(long, value_name = "PATH")]
    pub(super) temp_path: Option<AbsolutePath>,

    /// The sudo command, which takes a user and a command
    #[arg(long, value_name = "COMMAND")]
    pub(super) sudo: Option<String>,

    /// Ask for the password that sudo wants, once per node and before anything is changed
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(super) interactive_sudo: Option<bool>,

    /// Let the node build its profiles itself
    // What follows it is a TARGET on the command lines of deploy-rs.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) remote_build: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct DisplayArgs {
    /// Show only results and failures
    #[arg(long, short, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Show also what Nix and other tools print
    #[arg(long, short)]
    pub(super) verbose: bool,

    /// Save where the time went, with every program and connection, as a trace for Chrome or Perfetto
    #[arg(long, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,

    /// Most logins that are made at the same time [default: 32]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(super) parallel: Option<NonZeroUsize>,
}

/// What is written down, beside what is shown.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct LogArgs {
    /// The same as --verbose
    #[arg(long, short, conflicts_with = "quiet")]
    pub(super) debug_logs: bool,

    /// Keep events and logs of the run in a folder of its own in this one [default: the state folder]
    #[arg(long, value_name = "FOLDER")]
    pub(super) log_dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        CommandLine::command().debug_assert();
    }
}
