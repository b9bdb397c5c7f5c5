//! Going back to exactly what the journal recorded.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::fault;
use super::folder::{sync_file_system, sync_folder};
use super::nix;
use super::profile::{Snapshot, read_state};
use super::rollback_plan::{LinkStep, Moment, is_restored, link_step, surplus_generation};
use super::work::Work;
use crate::model::Generation;
use crate::process::Invocation;
use crate::protocol::{ActivationResult, FailureReason, Order, Phase};

/// How far links and generations were restored.
#[derive(Debug)]
pub(super) struct Restored {
    /// What went wrong.
    pub(super) problems: Vec<String>,
    /// Whether nothing of that concerns the link.
    pub(super) link_is_back: bool,
    /// Whether the link was left alone because others have set it since.
    pub(super) left_to_others: bool,
}

impl Work<'_> {
    /// Takes the activation back. Does as much of it as it can whatever fails, and may be
    /// repeated at any point.
    pub(super) async fn roll_back(
        &mut self,
        reason: FailureReason,
        moment: Moment,
    ) -> ActivationResult {
        let Restored {
            mut problems,
            link_is_back,
            left_to_others,
        } = self.restore(reason.clone(), moment).await;
        if self.journal.activated && !left_to_others {
            problems.extend(self.reactivate_previous(link_is_back).await);
            fault::point("reactivated");
        }
        self.remove_roots();
        self.finish(reason, &problems)
    }

    /// Restores links and generations, and starts nothing.
    pub(super) async fn restore(&mut self, reason: FailureReason, moment: Moment) -> Restored {
        self.journal.failure.get_or_insert(reason);
        self.enter_anyway(Phase::RollingBack);
        self.drop_confirmation();
        self.journal.confirm_folder = None;
        self.journal.canary = None;
        let mut problems = Vec::new();
        let left_to_others = match self.restore_link(moment).await {
            Ok(others) => others,
            Err(problem) => {
                problems.push(problem);
                false
            }
        };
        fault::point("restored");
        let link_is_back = problems.is_empty();
        // Before a boot loader is told of what there is: the newest generation may be its default.
        problems.extend(self.delete_surplus().await);
        fault::point("deleted");
        Restored {
            problems,
            link_is_back,
            left_to_others,
        }
    }

    /// Makes the links survive a power loss.
    pub(super) fn sync(&self) -> Result<(), String> {
        let folder = Path::new(self.journal.profile_path.parent());
        sync_file_system(folder)
            .map_err(|error| format!("cannot sync {}: {error}", folder.display()))
    }

    fn finish(&mut self, reason: FailureReason, problems: &[String]) -> ActivationResult {
        if let Err(problem) = self.sync() {
            self.note(&problem);
        }
        self.journal.activation = None;
        let state = read_state(&self.journal.profile_path);
        if problems.is_empty() {
            self.enter_anyway(Phase::RolledBack);
            return ActivationResult::RolledBack { reason, state };
        }
        self.enter_anyway(Phase::RollbackFailed);
        let detail = problems.join("; ");
        self.note(&format!("ROLLBACK FAILED: {detail}"));
        ActivationResult::RollbackFailed {
            reason,
            detail,
            state,
        }
    }

    /// Returns whether the link was left alone because others have set it since.
    async fn restore_link(&mut self, moment: Moment) -> Result<bool, String> {
        let now = self.look()?;
        match link_step(&self.journal, &now, moment) {
            LinkStep::Keep => return Ok(false),
            LinkStep::LeaveToOthers => {
                self.note("the profile was set by somebody else since; its link is left alone");
                return Ok(true);
            }
            LinkStep::SwitchGeneration(number) => {
                let profile = &self.journal.profile_path;
                let call = nix::switch(&self.context.environment, profile, number);
                self.try_nix(call).await;
                if !is_restored(&self.journal, &self.look()?) {
                    // Nix may be broken, or wait for a lock for ever. The link is all there is.
                    let name = number.link_name(self.journal.profile_path.file_name());
                    self.write_link(&name)?;
                }
            }
            LinkStep::Restore(text) => self.write_link(&text)?,
            LinkStep::Remove => self.remove_link()?,
        }
        if is_restored(&self.journal, &self.look()?) {
            Ok(false)
        } else {
            Err(format!(
                "the profile link {} does not lead where it did",
                self.journal.profile_path
            ))
        }
    }

    /// Replaces the link in one step, so that there is one at any time.
    fn write_link(&self, text: &str) -> Result<(), String> {
        let profile = Path::new(self.journal.profile_path.as_str());
        let new = profile.with_file_name(format!(
            ".{}.deploy-{}",
            self.journal.profile_path.file_name(),
            self.journal.run
        ));
        fs::remove_file(&new).ok();
        symlink(text, &new)
            .and_then(|()| fs::rename(&new, profile))
            .map_err(|error| {
                fs::remove_file(&new).ok();
                format!(
                    "cannot restore the profile link {}: {error}",
                    profile.display()
                )
            })
    }

    fn remove_link(&self) -> Result<(), String> {
        let profile = Path::new(self.journal.profile_path.as_str());
        match fs::remove_file(profile) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!(
                "cannot remove the profile link {}: {error}",
                profile.display()
            )),
            _ => Ok(()),
        }
    }

    async fn delete_surplus(&mut self) -> Option<String> {
        let now = self.look().ok()?;
        let number = surplus_generation(&self.journal, &now)?;
        if now.link.is_none() {
            // Nix 2.26 aborts when it deletes from a profile that has no current generation.
            return self.unlink_generation(number);
        }
        let profile = &self.journal.profile_path;
        let call = nix::delete(&self.context.environment, profile, number);
        self.try_nix(call).await;
        let now = self.look().ok()?;
        surplus_generation(&self.journal, &now).and_then(|number| self.unlink_generation(number))
    }

    fn unlink_generation(&self, number: Generation) -> Option<String> {
        let profile = &self.journal.profile_path;
        let link = Path::new(profile.parent()).join(number.link_name(profile.file_name()));
        let error = fs::remove_file(&link).err()?;
        Some(format!(
            "cannot remove generation {number}, which this run made ({}): {error}. Remove it by hand",
            link.display()
        ))
    }

    /// What counts is what the links say afterwards; what Nix prints is in the log.
    async fn try_nix(&mut self, call: Invocation) {
        if let Err(reason) = self
            .run(call, Some(nix::TIME_LIMIT), Phase::RollingBack)
            .await
        {
            self.note(&reason.to_string());
        }
    }

    fn look(&self) -> Result<Snapshot, String> {
        let profile = &self.journal.profile_path;
        Snapshot::read(profile)
            .map_err(|error| format!("cannot read the profile {profile}: {error}"))
    }

    /// Keeps the target, and a previous path that no generation keeps, from garbage collection.
    pub(super) fn add_roots(&self) -> io::Result<()> {
        let folder = &self.context.folder;
        self.remove_roots();
        symlink(self.journal.target.as_str(), folder.file("target"))?;
        let previous = &self.journal.previous.state;
        if let (None, Some(path)) = (previous.generation(), previous.path()) {
            symlink(path.as_str(), folder.file("previous"))?;
        }
        let system = &self.journal.previous.current_system;
        if let (Order::ConfirmFirst, Some(system)) = (self.journal.order, system) {
            symlink(system, folder.file("previous-system"))?;
        }
        sync_folder(folder.path())
    }

    /// Drops what [`Work::add_roots`] made.
    pub(super) fn remove_roots(&self) {
        for name in ["target", "previous", "previous-system"] {
            fs::remove_file(self.context.folder.file(name)).ok();
        }
    }
}
