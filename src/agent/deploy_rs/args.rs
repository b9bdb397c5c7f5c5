//! The arguments, of all versions of deploy-rs that were published.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::model::{AbsolutePath, CONFIRM_TIMEOUT_SECONDS, StorePath};

/// The name under which closures have the agent.
const NAME: &str = "activate-rs";

/// The part of `deploy` that runs on the node, called as deploy-rs calls it
#[derive(Debug, Parser)]
#[command(name = NAME, version)]
pub(in crate::agent) struct Arguments {
    /// Print each step.
    #[arg(short, long, global = true)]
    pub(super) debug_logs: bool,
    /// Write what is printed into this folder too.
    #[arg(long, global = true)]
    pub(super) log_dir: Option<PathBuf>,
    /// The folder of the file that is removed to confirm.
    // In 2021 it stood before the command.
    #[arg(long, global = true, default_value = "/tmp", value_parser = folder)]
    pub(super) temp_path: AbsolutePath,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Activate, and wait for the confirmation
    Activate(Activate),
    /// Wait until the activation waits for its confirmation
    Wait {
        /// What is activated.
        closure: StorePath,
        /// Most seconds to wait.
        #[arg(long, default_value_t = 240)]
        activation_timeout: u64,
    },
    /// Take the last activation back
    Revoke {
        #[command(flatten)]
        profile: Profile,
    },
}

/// What and how to activate.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Activate {
    /// What to activate.
    pub(super) closure: StorePath,
    #[command(flatten)]
    pub(super) profile: Profile,
    /// Seconds to wait for the confirmation.
    #[arg(long, default_value_t = CONFIRM_TIMEOUT_SECONDS)]
    pub(super) confirm_timeout: u64,
    /// Go back unless it is confirmed.
    #[arg(long)]
    pub(super) magic_rollback: bool,
    /// Go back when it fails.
    #[arg(long)]
    pub(super) auto_rollback: bool,
    /// Only let the closure say what it would do.
    #[arg(long = "dry-activate", conflicts_with = "boot")]
    pub(super) dry: bool,
    /// Only prepare it for the next boot.
    #[arg(long)]
    pub(super) boot: bool,
}

/// Which profile.
#[derive(Debug, Args)]
#[group(required = true)]
pub(super) struct Profile {
    /// The profile link, as until September 2023.
    #[arg(value_name = "PROFILE_PATH", conflicts_with_all = ["link", "user"])]
    pub(super) place: Option<AbsolutePath>,
    /// The profile link.
    #[arg(long = "profile-path", conflicts_with = "user")]
    pub(super) link: Option<AbsolutePath>,
    /// The user whose profile it is.
    #[arg(long = "profile-user", requires = "name")]
    pub(super) user: Option<String>,
    /// The profile's name.
    #[arg(long = "profile-name", requires = "user")]
    pub(super) name: Option<String>,
}

fn folder(text: &str) -> Result<AbsolutePath, crate::model::InvalidText> {
    text.trim_end_matches('/').parse()
}

/// Returns whether a command line is one of deploy-rs's. Where the agent has another name, its own
/// `revoke` takes two words.
pub(in crate::agent) fn is_meant(words: &[OsString]) -> bool {
    let Some((name, words)) = words.split_first() else {
        return false;
    };
    if Path::new(name).file_name().is_some_and(|name| name == NAME) {
        return true;
    }
    let mut words = words.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        match word {
            "--log-dir" | "--temp-path" => drop(words.next()),
            "activate" | "wait" => return true,
            "revoke" => {
                let rest: Vec<&str> = words.collect();
                return rest.len() == 1 || rest.iter().any(|word| word.starts_with("--profile-"));
            }
            option if option.starts_with('-') => {}
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSURE: &str = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-activatable-a";

    fn words(line: &str) -> Vec<OsString> {
        let line = line.replace("CLOSURE", CLOSURE);
        line.split(' ').map(OsString::from).collect()
    }

    fn parse(line: &str) -> Arguments {
        let words = words(line);
        assert!(is_meant(&words), "{line}");
        Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn the_definition_is_sound() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn what_each_version_of_deploy_rs_writes_is_understood() {
        for line in [
            // December 2025, and since September 2023
            "activate --debug-logs --log-dir /tmp/x activate CLOSURE --profile-path /p/x --temp-path /tmp --confirm-timeout 30 --magic-rollback --auto-rollback",
            "activate activate CLOSURE --profile-user root --profile-name system --temp-path /tmp --confirm-timeout 30",
            "activate activate CLOSURE --profile-path /p/x --temp-path /tmp --confirm-timeout 30 --magic-rollback --auto-rollback --dry-activate",
            "activate activate CLOSURE --profile-path /p/x --temp-path /tmp --confirm-timeout 30 --magic-rollback --auto-rollback --boot",
            // until then
            "activate activate CLOSURE /p/x --temp-path /tmp --confirm-timeout 30 --magic-rollback",
            // January 2021
            "activate --temp-path /tmp activate CLOSURE /p/x --confirm-timeout 30 --auto-rollback",
        ] {
            let arguments = parse(line);
            assert_eq!(arguments.temp_path.as_str(), "/tmp");
            let Command::Activate(activate) = arguments.command else {
                panic!("{line}")
            };
            assert_eq!(activate.confirm_timeout, 30);
            let profile = activate.profile;
            let link = profile.place.or(profile.link);
            assert!(link.is_some() != profile.user.is_some());
        }
        for (line, seconds) in [
            (
                "activate wait CLOSURE --temp-path /tmp/ --activation-timeout 600",
                600,
            ),
            ("activate wait CLOSURE --temp-path /tmp", 240),
            ("/s/activate-rs --temp-path /tmp wait CLOSURE", 240),
        ] {
            let Command::Wait {
                activation_timeout, ..
            } = parse(line).command
            else {
                panic!("{line}")
            };
            assert_eq!(activation_timeout, seconds);
        }
        for line in [
            "activate revoke --profile-path /p/x",
            "activate -d revoke --profile-user a --profile-name b",
            "activate revoke /p/x",
            "/s/activate-rs revoke /p/x",
        ] {
            assert!(matches!(parse(line).command, Command::Revoke { .. }));
        }
    }

    #[test]
    fn a_profile_is_named_in_one_way_and_one_thing_is_done_with_it() {
        for line in [
            "activate activate CLOSURE --profile-path /p/x --dry-activate --boot",
            "activate activate CLOSURE --temp-path /tmp",
            "activate activate CLOSURE --profile-user root --temp-path /tmp",
            "activate activate CLOSURE --profile-path /p --profile-user a --profile-name b",
            "activate activate CLOSURE /p/x --profile-path /p/x",
            "activate activate /etc/passwd --profile-path /p/x",
        ] {
            assert!(Arguments::try_parse_from(words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn our_own_commands_stay_our_own() {
        for line in [
            "activate",
            "activate handshake",
            "activate revoke 0011223344556677 /p/x",
            "activate read activate",
            "activate start {}",
            "activate recover --early",
            "activate gate -- wait",
        ] {
            assert!(!is_meant(&words(line)), "{line}");
        }
        assert!(!is_meant(&[]));
    }
}
