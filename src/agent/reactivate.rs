//! Activating again what was there before, and booting it.

use std::path::{Path, PathBuf};

use super::commit::current_system;
use super::program::{Action, Program, system_of};
use super::work::Work;
use crate::protocol::{FailureReason, Order, Phase};

impl Work<'_> {
    /// Activates what was there before: through the link, or directly where that is not restored.
    /// Returns what went wrong.
    pub(super) async fn reactivate_previous(&mut self, link_is_restored: bool) -> Vec<String> {
        let mut problems = Vec::new();
        match self.journal.order {
            Order::SetFirst => problems.extend(self.switch_to_previous(link_is_restored).await),
            Order::ConfirmFirst => {
                problems.extend(self.boot_previous(link_is_restored).await);
                problems.extend(self.test_previous(link_is_restored).await);
            }
            Order::NextBoot => {
                problems.extend(if self.journal.wrote_boot_entry {
                    self.boot_previous(link_is_restored).await
                } else {
                    self.prepare_previous(link_is_restored).await
                });
                if self.has_booted_target() {
                    problems.extend(self.test_previous(link_is_restored).await);
                }
            }
        }
        problems
    }

    async fn switch_to_previous(&mut self, link_is_restored: bool) -> Option<String> {
        if self.journal.previous.link.is_none() {
            self.note("there was no earlier generation to activate again");
            return None;
        }
        let location = self.previous_location(link_is_restored)?;
        let program = Program::of(&location);
        self.activate_previous(program, &location, Action::Switch)
            .await
    }

    /// What ran before, which need not be what the profile led to.
    async fn test_previous(&mut self, link_is_restored: bool) -> Option<String> {
        let ran = self.previous_system();
        let Some(location) = ran.or_else(|| self.previous_location(link_is_restored)) else {
            self.note("there was no earlier system to activate again");
            return None;
        };
        let program = Program::of_system(&location).or_else(|| Program::of(&location));
        self.activate_previous(program, &location, Action::Test)
            .await
    }

    /// Lets a previous closure that is no system prepare the next boot as it would have.
    async fn prepare_previous(&mut self, link_is_restored: bool) -> Option<String> {
        let location = self.previous_location(link_is_restored)?;
        let program = Program::of(&location).filter(|program| program.prepares_boot());
        self.activate_previous(program, &location, Action::Boot)
            .await
    }

    /// Makes the node boot again what the profile led to, or what ran where there was no profile.
    /// Only where this run made it boot the target.
    pub(super) async fn boot_previous(&mut self, link_is_restored: bool) -> Option<String> {
        if !self.journal.wrote_boot_entry {
            return None;
        }
        let led_to = self.previous_location(link_is_restored);
        let location = led_to.or_else(|| self.previous_system())?;
        let program = Program::of_system(&location)?;
        let result = self
            .activate(program, &location, Action::Boot, Phase::RollingBack)
            .await;
        match result {
            Ok(()) => {
                self.journal.wrote_boot_entry = false;
                None
            }
            Err(reason) => Some(format!(
                "making the node boot again what was there before failed: {reason}. Before the \
                 next reboot run `{}/bin/switch-to-configuration boot` on the node",
                location.display()
            )),
        }
    }

    async fn activate_previous(
        &mut self,
        program: Option<Program>,
        location: &Path,
        action: Action,
    ) -> Option<String> {
        let Some(program) = program else {
            self.note("what was there before has no activation; only its link is restored");
            return None;
        };
        match self
            .activate(program, location, action, Phase::RollingBack)
            .await
        {
            Ok(()) => None,
            Err(FailureReason::Degraded { .. }) => {
                self.note("what was there before is active again, but some units FAILED");
                None
            }
            Err(reason) => Some(format!(
                "activating again what was there before failed: {reason}. Look at the log, repair \
                 it on the node or deploy something that works"
            )),
        }
    }

    /// Nothing but a reset makes the node run what was only to be prepared.
    fn has_booted_target(&self) -> bool {
        let runs = current_system();
        let target = system_of(Path::new(self.journal.target.as_str()));
        target.is_some()
            && runs.as_ref().map(PathBuf::from) == target
            && runs != self.journal.previous.current_system
    }

    fn previous_system(&self) -> Option<PathBuf> {
        let ran = self.journal.previous.current_system.as_ref();
        ran.map(PathBuf::from)
            .filter(|system| Program::of_system(system).is_some())
    }

    fn previous_location(&self, link_is_restored: bool) -> Option<PathBuf> {
        let previous = &self.journal.previous;
        previous.link.as_ref()?;
        if link_is_restored {
            Some(PathBuf::from(self.journal.profile_path.as_str()))
        } else {
            previous
                .state
                .path()
                .map(|path| PathBuf::from(path.as_str()))
        }
    }
}
