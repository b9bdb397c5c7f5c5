//! The command line of `activate`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::model::{AbsolutePath, RunId, StorePath};

/// The part of `deploy` that runs on the node
///
/// It is called by the operator's `deploy` and answers in JSON lines; nobody needs to type this.
#[derive(Debug, Parser)]
#[command(name = "activate", version)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands, as `protocol::AgentCommand` writes them.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tell the version of the protocol
    Handshake,
    /// Keep store paths from garbage collection
    Hold {
        /// The run that needs them
        run: RunId,
        /// The paths
        paths: Vec<StorePath>,
    },
    /// Drop what `hold` kept
    Release {
        /// The run that ended
        run: RunId,
    },
    /// Tell what profiles are
    Read {
        /// The profile links
        profile_paths: Vec<AbsolutePath>,
    },
    /// Let a closure say what its activation would do
    DryRun {
        /// The closure
        target: StorePath,
        /// Most seconds that it may take
        #[arg(long)]
        time_limit: Option<u64>,
    },
    /// Activate, detached, and follow it
    Start {
        /// What and how, in JSON
        request: String,
    },
    /// Follow an activation that was started before
    Attach {
        /// Its run
        run: RunId,
        /// The profile link
        profile_path: AbsolutePath,
    },
    /// Confirm an activation that waits for it
    Confirm {
        /// Its run
        run: RunId,
        /// The profile link
        profile_path: AbsolutePath,
    },
    /// Take a confirmed activation back
    Revoke {
        /// Its run
        run: RunId,
        /// The profile link
        profile_path: AbsolutePath,
    },
    /// Finish what an agent that died has left, of one profile or of the whole node
    Recover {
        /// Only as far as nothing has to be started, for a unit early in the boot
        #[arg(long, conflicts_with = "run")]
        early: bool,
        /// The run that asks
        #[arg(requires = "profile_path")]
        run: Option<RunId>,
        /// The profile link; all profiles of the node where absent
        profile_path: Option<AbsolutePath>,
    },
    /// Do the work of `recover` as the owner of a folder of profiles
    #[command(hide = true)]
    RecoverFolder {
        /// As for `recover`
        #[arg(long)]
        early: bool,
        /// The folder
        folder: PathBuf,
    },
    /// Do the work of `start`, `revoke` or `recover`
    #[command(hide = true)]
    Supervise {
        /// What, in JSON
        job: String,
    },
    /// Become a program once told to
    #[command(hide = true)]
    Gate {
        /// The program and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::AgentCommand;

    #[test]
    fn the_definition_is_sound() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn what_the_operator_writes_is_understood() {
        let run = RunId::from_bytes([1; 16]);
        let profile_path: AbsolutePath = "/p/my profile".parse().unwrap();
        let path: StorePath = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a"
            .parse()
            .unwrap();
        for command in [
            AgentCommand::Handshake,
            AgentCommand::Hold {
                run: run.clone(),
                paths: vec![path.clone(), path.clone()],
            },
            AgentCommand::Release { run: run.clone() },
            AgentCommand::Read {
                profile_paths: vec![profile_path.clone()],
            },
            AgentCommand::DryRun {
                target: path,
                time_limit: Some(5),
            },
            AgentCommand::Attach {
                run: run.clone(),
                profile_path: profile_path.clone(),
            },
            AgentCommand::Confirm {
                run: run.clone(),
                profile_path: profile_path.clone(),
            },
            AgentCommand::Revoke {
                run: run.clone(),
                profile_path: profile_path.clone(),
            },
            AgentCommand::Recover { run, profile_path },
        ] {
            let words = ["activate".to_owned()]
                .into_iter()
                .chain(command.arguments());
            Arguments::try_parse_from(words).unwrap();
        }
    }

    #[test]
    fn a_gate_takes_any_arguments() {
        let words = ["activate", "gate", "--", "/bin/x", "--set", "--", "-h"];
        let Command::Gate { command } = Arguments::try_parse_from(words).unwrap().command else {
            panic!()
        };
        assert_eq!(command, ["/bin/x", "--set", "--", "-h"]);
    }
}
