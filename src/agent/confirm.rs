//! `confirm`: giving the confirmation, and hearing whether it came in time.

use std::io;
use std::time::{Duration, Instant};

use super::confirmation::give;
use super::error::AgentError;
use super::folder::Folder;
use super::journal;
use crate::model::{AbsolutePath, RunId};
use crate::protocol::{ConfirmReply, Journal, Phase};

/// How long the supervisor may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// Confirms the run, if it awaits that.
pub(super) async fn confirm(run: &RunId, profile_path: &AbsolutePath) -> ConfirmReply {
    match attempt(run, &Folder::of(profile_path)).await {
        Ok(reply) => reply,
        Err(error) => ConfirmReply::Failed {
            reason: error.to_string(),
        },
    }
}

async fn attempt(run: &RunId, folder: &Folder) -> Result<ConfirmReply, AgentError> {
    let Some(journal) = load(run, folder)? else {
        return Ok(ConfirmReply::Ended);
    };
    match journal.phase {
        Phase::Prepared | Phase::Setting | Phase::Activating => {
            return Ok(ConfirmReply::NotWaiting);
        }
        Phase::Waiting => {}
        phase => return answer(folder, phase),
    }
    if let Some(path) = &journal.confirm_folder {
        match give(path) {
            // Given before, or too late: the journal tells which.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            given => given.map_err(AgentError::file("confirm in", path.as_str().as_ref()))?,
        }
    }
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        match load(run, folder)? {
            None => return Ok(ConfirmReply::Ended),
            Some(journal) if journal.phase != Phase::Waiting => {
                return answer(folder, journal.phase);
            }
            Some(_) => tokio::time::sleep(POLL).await,
        }
    }
    Ok(ConfirmReply::Failed {
        reason: format!("the agent of run {run} does not answer"),
    })
}

fn load(run: &RunId, folder: &Folder) -> Result<Option<Journal>, AgentError> {
    Ok(journal::load(folder)?.filter(|journal| journal.run == *run))
}

/// What is told as confirmed must be so after a power loss too.
fn answer(folder: &Folder, phase: Phase) -> Result<ConfirmReply, AgentError> {
    if !matches!(phase, Phase::Committing | Phase::Confirmed) {
        return Ok(ConfirmReply::Ended);
    }
    journal::sync(folder).map_err(AgentError::file("sync the journal in", folder.path()))?;
    Ok(ConfirmReply::Confirmed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::confirmation::{Confirmation, remove};
    use crate::agent::journal::tests::example;

    #[tokio::test]
    async fn the_answer_follows_the_journal() {
        let root = tempfile::tempdir().unwrap();
        let profile: AbsolutePath = format!("{}/p", root.path().display()).parse().unwrap();
        let folder = Folder::of(&profile);
        folder.ensure().unwrap();
        let run = example(Phase::Waiting).run;
        assert_eq!(confirm(&run, &profile).await, ConfirmReply::Ended);
        for (phase, reply) in [
            (Phase::Prepared, ConfirmReply::NotWaiting),
            (Phase::Activating, ConfirmReply::NotWaiting),
            (Phase::Committing, ConfirmReply::Confirmed),
            (Phase::Confirmed, ConfirmReply::Confirmed),
            (Phase::RollingBack, ConfirmReply::Ended),
            (Phase::RolledBack, ConfirmReply::Ended),
        ] {
            journal::store(&folder, &example(phase)).unwrap();
            assert_eq!(confirm(&run, &profile).await, reply, "{phase}");
        }
        let other = RunId::from_bytes([1; 16]);
        assert_eq!(confirm(&other, &profile).await, ConfirmReply::Ended);
    }

    #[tokio::test]
    async fn a_token_that_is_gone_is_no_success() {
        let root = tempfile::tempdir().unwrap();
        let profile: AbsolutePath = format!("{}/p", root.path().display()).parse().unwrap();
        let folder = Folder::of(&profile);
        folder.ensure().unwrap();
        let mut journal = example(Phase::Waiting);
        let confirmation = Confirmation::prepare(&folder, &journal.run, None).unwrap();
        journal.confirm_folder = Some(confirmation.folder().clone());
        journal::store(&folder, &journal).unwrap();
        remove(confirmation.folder());
        let late = confirm(&journal.run, &profile);
        let later = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            journal::store(&folder, &example(Phase::RollingBack)).unwrap();
        };
        assert_eq!(tokio::join!(late, later).0, ConfirmReply::Ended);
    }
}
