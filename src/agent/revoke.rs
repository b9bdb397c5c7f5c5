//! Taking back a confirmed activation, because another profile of its run failed.

use super::error::AgentError;
use super::journal;
use super::machine::{Fact, Policy, next};
use super::profile::{Snapshot, read_state};
use super::recovery::recover;
use super::rollback_plan::{Moment, is_what_the_run_made};
use super::work::{Context, Work};
use crate::model::{AbsolutePath, RunId};
use crate::protocol::{ActivationResult, AgentMessage, FailureReason, Journal, Phase};

/// Takes the run back, if the profile still is exactly what the run made of it. The profile's lock
/// must be held.
///
/// # Errors
/// Only where nothing was changed.
pub(super) async fn revoke(
    context: &Context,
    run: &RunId,
    profile: &AbsolutePath,
) -> Result<ActivationResult, AgentError> {
    recover(context).await?;
    let now = Snapshot::read(profile).map_err(|source| AgentError::Profile {
        path: profile.clone(),
        source,
    })?;
    let journal = journal::load(&context.folder)?
        .filter(|journal| journal.run == *run && is_what_the_run_made(journal, &now));
    let Some((mut journal, phase)) = journal.and_then(revoked) else {
        let found = read_state(profile);
        return Ok(ActivationResult::Stale { found });
    };
    // On the disk before anything else: a confirmed journal must never stand for a link half back.
    journal.failure = Some(FailureReason::Revoked);
    journal.phase = phase;
    let mut work = Work::begin(context, journal).map_err(AgentError::file(
        "write the journal in",
        context.folder.path(),
    ))?;
    context.events.emit(AgentMessage::Phase { phase });
    Ok(work.roll_back(FailureReason::Revoked, Moment::AtOnce).await)
}

/// Returns the journal and the phase that taking back puts it in, none where it is not confirmed.
fn revoked(journal: Journal) -> Option<(Journal, Phase)> {
    let phase = next(journal.phase, Fact::Revoked, Policy::of_found(&journal))?;
    Some((journal, phase))
}
