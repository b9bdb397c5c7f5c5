//! What the flags mean to the library.

use std::num::NonZeroUsize;

use super::args::{FileArgs, LimitArgs, ModeArgs, RunArgs, SettingArgs};
use super::error::CliError;
use crate::apply::{Activations, Limits, OnFailure, Policy};
use crate::model::{FlagSettings, Settings};
use crate::plan::Mode;
use crate::schedule::Barrier;

impl FileArgs {
    /// Returns the file that takes the place of flakes.
    pub(super) fn name(&self) -> Option<&str> {
        self.file.as_deref()
    }
}

impl ModeArgs {
    /// Returns what applying does with the profiles.
    pub(super) fn mode(&self) -> Mode {
        if self.boot { Mode::Boot } else { Mode::Switch }
    }

    /// Returns what the activation steps do.
    pub(super) fn activations(&self) -> Activations {
        if self.dry_activate {
            Activations::Dry
        } else {
            Activations::Real
        }
    }
}

impl RunArgs {
    /// Returns what a failure means for the rest of the run; `keeps_going` where a build fails.
    pub(super) fn policy(&self, keeps_going: bool) -> Policy {
        let barrier = match (self.all_or_nothing, keeps_going) {
            (true, _) => Barrier::AllOrNothing,
            (false, true) => Barrier::KeepGoing,
            (false, false) => Barrier::Builds,
        };
        let on_failure = match (self.rollback_succeeded, self.stops_at_failure) {
            (Some(true), _) => OnFailure::TakeBack,
            (_, true) => OnFailure::Stop,
            (_, false) => OnFailure::GoOn,
        };
        Policy {
            barrier,
            on_failure,
        }
    }
}

impl LimitArgs {
    /// Returns how many steps of a kind may run at the same time.
    pub(super) fn limits(&self) -> Limits {
        let default = Limits::default();
        let limit = |given: Option<NonZeroUsize>, default| given.map_or(default, NonZeroUsize::get);
        Limits {
            builds: self.builds.map(NonZeroUsize::get),
            copies: limit(self.copies, default.copies),
            activations: limit(self.activations, default.activations),
        }
    }

    /// Returns the builds that each call of Nix may do at the same time, where as many calls as are
    /// allowed stay within the limit.
    pub(super) fn jobs_of_each_call(&self) -> Option<NonZeroUsize> {
        self.builds.map(|_| NonZeroUsize::MIN)
    }
}

impl SettingArgs {
    /// Returns the overrides that these flags are.
    pub(super) fn overrides(&self) -> Result<FlagSettings, CliError> {
        let ssh_opts = match &self.ssh_opts {
            None => None,
            Some(text) => Some(shlex::split(text).ok_or_else(|| {
                CliError::usage(
                    "--ssh-opts has a quote that is not closed",
                    "quote it as for a shell",
                )
            })?),
        };
        let settings = Settings {
            ssh_user: self.ssh_user.clone(),
            user: self.profile_user.clone(),
            ssh_opts: Vec::new(),
            fast_connection: self.fast_connection,
            auto_rollback: self.auto_rollback,
            magic_rollback: self.magic_rollback,
            temp_path: self.temp_path.clone(),
            sudo: self.sudo.clone(),
            interactive_sudo: self.interactive_sudo,
            remote_build: self.remote_build,
            activation_timeout: self.activation_timeout,
            confirm_timeout: self.confirm_timeout,
            on_degraded: self.on_degraded,
            confirm_hostname: None,
            confirm_ssh_opts: Vec::new(),
        };
        Ok(FlagSettings {
            settings,
            ssh_opts,
            hostname: self.hostname.clone(),
        })
    }

    /// Returns the flags given that would change what a saved plan says.
    pub(super) fn given_that_change_a_plan(&self) -> Vec<&'static str> {
        let given = [
            ("--ssh-user", self.ssh_user.is_some()),
            ("--profile-user", self.profile_user.is_some()),
            ("--fast-connection", self.fast_connection.is_some()),
            ("--auto-rollback", self.auto_rollback.is_some()),
            ("--hostname", self.hostname.is_some()),
            ("--magic-rollback", self.magic_rollback.is_some()),
            ("--temp-path", self.temp_path.is_some()),
            ("--sudo", self.sudo.is_some()),
            ("--interactive-sudo", self.interactive_sudo.is_some()),
            ("--remote-build", self.remote_build.is_some()),
            ("--on-degraded", self.on_degraded.is_some()),
        ];
        given
            .into_iter()
            .filter(|(_, given)| *given)
            .map(|(flag, _)| flag)
            .collect()
    }
}
