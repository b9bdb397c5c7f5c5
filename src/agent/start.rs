//! `start`, `attach`, `revoke` and `recover`: what the operator's connection runs, and may lose.

use std::io;

use super::detach::start_supervisor;
use super::environment::Environment;
use super::error::AgentError;
use super::folder::{Folder, JobKind, append};
use super::follow::{Followed, follow, is_held};
use super::journal;
use super::listener::{Listener, refuse};
use super::outcome::outcome;
use super::profile::read_state;
use super::supervise::Job;
use crate::model::{AbsolutePath, RunId};
use crate::process::Detached;
use crate::protocol::{ActivationRequest, ActivationResult, PROTOCOL_VERSION};

/// Starts an activation and follows it; follows it only, where it was started before.
pub(super) async fn start(
    environment: &Environment,
    request: &str,
    listener: &mut impl Listener,
) -> io::Result<()> {
    match parse(request) {
        Ok(request) => {
            let request = Box::new(request);
            let canary = None;
            launch(environment, &Job::Activate { request, canary }, listener).await
        }
        Err(error) => refuse(listener, "", not_started(&error)),
    }
}

/// Starts taking a run back and follows that.
pub(super) async fn revoke(
    environment: &Environment,
    run: RunId,
    profile_path: AbsolutePath,
    listener: &mut impl Listener,
) -> io::Result<()> {
    let job = Job::Revoke { run, profile_path };
    if !job.folder().path().is_dir() {
        let found = read_state(job.folder().profile());
        return refuse(listener, "", ActivationResult::Stale { found });
    }
    launch(environment, &job, listener).await
}

/// Starts finishing what another run has left of the profile, and follows that.
pub(super) async fn recover(
    environment: &Environment,
    run: RunId,
    profile_path: AbsolutePath,
    listener: &mut impl Listener,
) -> io::Result<()> {
    let job = Job::Recover {
        run,
        profile_path,
        early: false,
    };
    let folder = job.folder();
    // Nothing is written where there is nothing to do.
    let nothing_pending = match journal::load(&folder) {
        Ok(last) => last.is_none_or(|last| !last.phase.is_pending()),
        Err(_) => false,
    };
    if nothing_pending && !job.files().events.exists() {
        let state = read_state(folder.profile());
        return refuse(listener, "", ActivationResult::AlreadyDone { state });
    }
    launch(environment, &job, listener).await
}

/// Follows a run that was started before, or tells how it ended.
pub(super) async fn attach(
    run: &RunId,
    profile_path: &AbsolutePath,
    listener: &mut impl Listener,
) -> io::Result<()> {
    let folder = Folder::of(profile_path);
    if folder.run_files(run, JobKind::Activate).events.exists() {
        let followed = Followed {
            folder: &folder,
            run,
            kind: JobKind::Activate,
            supervisor: None,
        };
        return follow(followed, listener).await;
    }
    let state = read_state(profile_path);
    let result = match journal::load(&folder) {
        Ok(Some(journal)) if journal.run == *run => {
            let reached = Some(journal.phase);
            outcome(run, JobKind::Activate, Some(&journal), reached, state)
        }
        Ok(_) => ActivationResult::NotStarted {
            reason: format!("this node has no record of run {run}"),
        },
        Err(error) => not_started(&error),
    };
    refuse(listener, "", result)
}

pub(super) async fn launch(
    environment: &Environment,
    job: &Job,
    listener: &mut impl Listener,
) -> io::Result<()> {
    let folder = job.folder();
    let supervisor = match begin(environment, job, &folder).await {
        Ok(supervisor) => supervisor,
        Err(error) => {
            let log = job.files().log.display().to_string();
            return refuse(listener, &log, not_started(&error));
        }
    };
    let followed = Followed {
        folder: &folder,
        run: job.run(),
        kind: job.kind(),
        supervisor,
    };
    follow(followed, listener).await
}

/// Makes the run's files and starts its supervisor, unless it has one already.
async fn begin(
    environment: &Environment,
    job: &Job,
    folder: &Folder,
) -> Result<Option<Detached>, AgentError> {
    folder.ensure()?;
    let files = job.files();
    let events = append(&files.events, 0o600)
        .map_err(AgentError::file("create the events", &files.events))?;
    let log = append(&files.log, 0o644).map_err(AgentError::file("create the log", &files.log))?;
    let is_new = events.metadata().is_ok_and(|metadata| metadata.len() == 0);
    if !is_new || is_held(&files) {
        return Ok(None);
    }
    Ok(start_supervisor(environment, job, &log).await?)
}

/// The version comes first: a request of another one need not be understood otherwise.
fn parse(text: &str) -> Result<ActivationRequest, AgentError> {
    let version = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|value| value.get("protocol")?.as_u64());
    match version {
        Some(found) if found != u64::from(PROTOCOL_VERSION) => Err(AgentError::Protocol {
            found,
            expected: PROTOCOL_VERSION,
        }),
        _ => serde_json::from_str(text).map_err(|source| AgentError::Request { source }),
    }
}

fn not_started(error: &AgentError) -> ActivationResult {
    ActivationResult::NotStarted {
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::listener::JsonLines;

    #[test]
    fn another_protocol_is_named_before_anything_else_is_read() {
        let error = parse(r#"{"protocol": 99, "what": "ever"}"#)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("protocol 99") && error.contains("speaks 2"),
            "{error}"
        );
        for text in ["", "{}", r#"{"protocol": 2}"#, "[]"] {
            assert!(
                matches!(parse(text), Err(AgentError::Request { .. })),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn an_unknown_run_has_a_result_too() {
        let root = tempfile::tempdir().unwrap();
        let profile = format!("{}/p", root.path().display()).parse().unwrap();
        let mut output = Vec::new();
        attach(
            &RunId::from_bytes([1; 16]),
            &profile,
            &mut JsonLines::new(&mut output),
        )
        .await
        .unwrap();
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.contains("not_started") && text.contains("no record"),
            "{text}"
        );
    }
}
