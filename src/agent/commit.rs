//! Setting the profile, and making permanent what was confirmed before it was set.

use std::path::Path;

use super::fault;
use super::nix;
use super::profile::{Snapshot, read_state};
use super::program::{Action, Program, system_of};
use super::rollback_plan::is_restored;
use super::work::{Ended, Work};
use crate::protocol::{FailureReason, Phase};

impl Work<'_> {
    /// Sets the profile, as part of `phase`.
    pub(super) async fn set_profile(&mut self, phase: Phase) -> Result<(), FailureReason> {
        let begin = self.log_length();
        let environment = &self.context.environment;
        let profile = &self.journal.profile_path;
        let existing = self
            .journal
            .generation
            .filter(|number| self.journal.previous.generations.contains(number));
        let call = match existing {
            Some(number) => nix::switch(environment, profile, number),
            None => nix::set(environment, profile, &self.journal.target),
        };
        let ended = self.run(call, Some(nix::TIME_LIMIT), phase).await;
        match ended.map(Ended::failure) {
            Ok(None) => {}
            Ok(Some(reason)) => {
                let said = self.printed_since(begin);
                let how = reason.to_string().replace("the activation", "nix-env");
                return Err(not_set(if said.is_empty() {
                    how
                } else {
                    format!("{how}: {said}")
                }));
            }
            Err(FailureReason::NotStarted { detail }) => return Err(not_set(detail)),
            Err(reason) => return Err(reason),
        }
        let state = read_state(&self.journal.profile_path);
        if state.path() != Some(&self.journal.target) {
            return Err(not_set(
                "nix-env succeeded, but the link is not at the target".into(),
            ));
        }
        // Another number than expected: somebody made a generation between our look and Nix's.
        self.journal.generation = state.generation();
        Ok(())
    }

    /// Makes a confirmed activation permanent: sets the profile and makes the node boot the
    /// target. May be repeated at any point.
    pub(super) async fn commit(&mut self) -> Result<(), FailureReason> {
        if self.journal.sets_profile && !self.is_set()? {
            self.set_profile(Phase::Committing).await?;
        }
        fault::point("committed-set");
        let location = self.journal.profile_path.to_string();
        let location = Path::new(&location);
        let program = Program::of_target(location)?;
        self.activate(program, location, Action::Boot, Phase::Committing)
            .await?;
        fault::point("committed-boot");
        self.sync()
            .map_err(|detail| FailureReason::Agent { detail })
    }

    /// Activates a target that was confirmed, where it does not run (any more): the node was
    /// reset before it booted it.
    pub(super) async fn activate_committed(&mut self, rebooted: bool) -> Result<(), FailureReason> {
        let location = self.journal.profile_path.to_string();
        let location = Path::new(&location);
        let runs = match (system_of(location), current_system()) {
            (Some(target), Some(current)) => Path::new(&current) == target,
            _ => !rebooted,
        };
        if runs {
            return Ok(());
        }
        let program = Program::of_target(location)?;
        self.activate(program, location, Action::Test, Phase::Committing)
            .await
    }

    /// Returns whether the profile is set already; fails where others have set it.
    fn is_set(&self) -> Result<bool, FailureReason> {
        let profile = &self.journal.profile_path;
        let now = Snapshot::read(profile)
            .map_err(|error| not_set(format!("cannot read the profile {profile}: {error}")))?;
        if is_restored(&self.journal, &now) {
            return Ok(false);
        }
        if now.state.path() == Some(&self.journal.target) {
            return Ok(true);
        }
        Err(not_set(
            "somebody else has set it since this run began".into(),
        ))
    }
}

/// Returns what `/run/current-system` leads to.
pub(super) fn current_system() -> Option<String> {
    let path = std::fs::canonicalize("/run/current-system").ok()?;
    path.into_os_string().into_string().ok()
}

fn not_set(detail: String) -> FailureReason {
    FailureReason::SetProfile { detail }
}
