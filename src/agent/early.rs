//! What of a recovery is done while the node boots: links, generations and the boot entry.
//!
//! It starts nothing: NixOS's own programs wait for the jobs of the units that they start, some for
//! the end of the boot, which would wait for this. What is left to do, the journal says.

use std::path::Path;

use super::commit::current_system;
use super::error::AgentError;
use super::machine::{Fact, Policy, next};
use super::profile::read_state;
use super::program::system_of;
use super::recovery::{Found, take_over};
use super::rollback_plan::Moment;
use super::work::{Context, Work};
use crate::model::AbsolutePath;
use crate::protocol::{ActivationResult, FailureReason, Journal, Phase};

/// Does the early part, and writes into the journal where the node is to be rebooted. The
/// profile's lock must be held.
///
/// # Errors
/// Only where nothing was changed.
pub(super) async fn recover_early(
    context: &Context,
    profile: &AbsolutePath,
) -> Result<ActivationResult, AgentError> {
    let already_done = || ActivationResult::AlreadyDone {
        state: read_state(profile),
    };
    let Some((mut work, found)) = take_over(context).await? else {
        return Ok(already_done());
    };
    let policy = Policy::of_found(&work.journal);
    let problems = match next(found.phase, Fact::Interrupted, policy) {
        Some(Phase::RolledBack) => {
            found.finish(context, &mut work).await?;
            return Ok(already_done());
        }
        Some(Phase::Committing) => {
            // The later part does it again, and goes back where it fails then too.
            let failed = work.commit().await.err();
            failed
                .map(|reason| reason.to_string())
                .into_iter()
                .collect()
        }
        _ => work.restore_only(&found).await,
    };
    if problems.is_empty() {
        return Ok(already_done());
    }
    let detail = problems.join("; ");
    work.note(&format!("the early recovery failed: {detail}"));
    Ok(ActivationResult::RollbackFailed {
        reason: FailureReason::Interrupted { phase: found.phase },
        detail,
        state: read_state(profile),
    })
}

impl Work<'_> {
    async fn restore_only(&mut self, found: &Found) -> Vec<String> {
        let reason = FailureReason::Interrupted { phase: found.phase };
        let restored = self.restore(reason, Moment::Later).await;
        let mut problems = restored.problems;
        if !restored.left_to_others {
            problems.extend(self.boot_previous(restored.link_is_back).await);
            self.journal.rebooted |= problems.is_empty() && wants_reboot(&self.journal);
        }
        self.journal.activation = None;
        if let Err(problem) = self.sync() {
            problems.push(problem);
        }
        self.enter_anyway(Phase::RollingBack);
        problems
    }
}

/// Returns whether the node runs the target, though nobody confirmed it: only a boot leads from
/// there without starting anything. Once: a node must not reboot for ever.
fn wants_reboot(journal: &Journal) -> bool {
    if journal.rebooted || !rustix::process::geteuid().is_root() {
        return false;
    }
    let Some(target) = system_of(Path::new(journal.target.as_str())) else {
        return false;
    };
    let previous = journal.previous.state.path();
    let previous = previous.and_then(|path| system_of(Path::new(path.as_str())));
    let booted = std::fs::canonicalize("/run/booted-system").ok();
    let current = current_system().map(std::path::PathBuf::from);
    previous.as_ref() != Some(&target)
        && [booted, current]
            .iter()
            .flatten()
            .any(|runs| *runs == target)
}
