//! What deploy-rs's commands are in terms of our own.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::args::{Activate, Arguments, Command, Profile};
use super::dry_activate::dry_activate;
use super::location::{LocationError, locate};
use super::log::Log;
use super::mark::Mark;
use super::said::failure;
use crate::agent::canary;
use crate::agent::environment::Environment;
use crate::agent::error::AgentError;
use crate::agent::folder::{Folder, JobKind};
use crate::agent::journal;
use crate::agent::recover_node::new_run;
use crate::agent::start::launch;
use crate::agent::supervise::Job;
use crate::agent::system::Watch;
use crate::model::{AbsolutePath, InvalidText, OnDegraded, Operator, ProfileState, StorePath};
use crate::protocol::{ActivationRequest, ActivationResult, PROTOCOL_VERSION};

/// Why a command of deploy-rs has failed.
#[derive(Debug, thiserror::Error)]
pub(in crate::agent) enum CallError {
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Location(#[from] LocationError),
    #[error("the file to confirm with: {0}")]
    Canary(#[from] InvalidText),
    #[error("{0}")]
    Failed(String),
    #[error(
        "no activation of this closure has come to wait for its confirmation within {seconds} s"
    )]
    NothingWaits { seconds: u64 },
    #[error("cannot answer: {0}")]
    Output(#[from] io::Error),
}

impl CallError {
    /// Returns whether nobody listens any more.
    pub(in crate::agent) fn is_unheard(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Carries a command of deploy-rs out.
pub(in crate::agent) async fn carry_out(
    arguments: Arguments,
    environment: &Environment,
) -> Result<(), CallError> {
    let log = |command| {
        let folder = arguments.log_dir.as_deref();
        Log::open(command, arguments.debug_logs, folder)
    };
    let temp_path = &arguments.temp_path;
    match &arguments.command {
        Command::Activate(options) if options.dry => {
            let profile = locate(&options.profile, environment)?;
            let log = log("dry-activate")?;
            dry_activate(&options.closure, &profile, environment, &log).await
        }
        Command::Activate(options) => {
            activate(options, temp_path, environment, log("activate")?).await
        }
        Command::Wait {
            closure,
            activation_timeout,
        } => {
            log("wait")?;
            wait(closure, temp_path, *activation_timeout).await
        }
        Command::Revoke { profile } => revoke(profile, environment, log("revoke")?).await,
    }
}

async fn activate(
    options: &Activate,
    temp_path: &AbsolutePath,
    environment: &Environment,
    log: Log,
) -> Result<(), CallError> {
    let canary = canary::place(temp_path, &options.closure)?;
    let in_the_way = AgentError::file("remove", Path::new(canary.as_str()));
    canary::clear(&canary).map_err(in_the_way)?;
    let request = ActivationRequest {
        protocol: PROTOCOL_VERSION,
        run: new_run()?,
        operator: caller(environment),
        profile_path: locate(&options.profile, environment)?,
        // deploy-rs's client has looked at nothing before.
        expected: ProfileState::Unknown {
            reason: "deploy-rs makes no plan".to_owned(),
        },
        target: options.closure.clone(),
        generation: None,
        reactivate: true,
        next_boot: options.boot,
        auto_rollback: options.auto_rollback,
        magic_rollback: options.magic_rollback,
        on_degraded: OnDegraded::Rollback,
        // The canary lies there; the rest of it beside the profile, where nobody else can write.
        temp_path: None,
        activation_timeout: None,
        confirm_timeout: options.confirm_timeout,
        lock_timeout: 0,
    };
    let job = Job::Activate {
        request: Box::new(request),
        canary: Some(canary),
    };
    follow(environment, &job, log).await
}

/// Waits as long as deploy-rs does for a canary that says the truth.
async fn wait(
    closure: &StorePath,
    temp_path: &AbsolutePath,
    seconds: u64,
) -> Result<(), CallError> {
    let canary = canary::place(temp_path, closure)?;
    let mut watch = Watch::entries_of(&[Path::new(temp_path.as_str())]);
    let begin = Instant::now();
    let limit = Duration::from_secs(seconds);
    while !canary::is_awaited(&canary) {
        let left = limit.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return Err(CallError::NothingWaits { seconds });
        }
        watch.changed(left).await;
    }
    Ok(())
}

/// Takes back what the last run made of the profile: deploy-rs names no run. Its client asks for it
/// also where it has made a dry run only.
async fn revoke(profile: &Profile, environment: &Environment, log: Log) -> Result<(), CallError> {
    let profile_path = locate(profile, environment)?;
    let Some(last) = journal::load(&Folder::of(&profile_path))? else {
        let reason = format!("no run has worked on {profile_path}; nothing was changed");
        return Err(CallError::Failed(reason));
    };
    if let Some(mark) = Mark::on(&Folder::of(&profile_path), &last.run)? {
        let said = format!("nothing is taken back: {mark}");
        if mark.is_of(&caller(environment)) {
            return Ok(log.say(&said)?);
        }
        return Err(CallError::Failed(said));
    }
    let run = last.run;
    follow(environment, &Job::Revoke { run, profile_path }, log).await
}

async fn follow(environment: &Environment, job: &Job, mut log: Log) -> Result<(), CallError> {
    launch(environment, job, &mut log).await?;
    let Some(result) = &log.result else {
        return Err(CallError::Failed("it ended without a result".to_owned()));
    };
    let is_back = matches!(result, ActivationResult::RolledBack { .. });
    match failure(result) {
        None => Ok(log.say("done")?),
        Some(_) if is_back && job.kind() == JobKind::Revoke => Ok(log.say("taken back")?),
        Some(reason) => Err(CallError::Failed(reason)),
    }
}

pub(super) fn caller(environment: &Environment) -> Operator {
    let text = |name| Some(environment.get(name)?.to_str()?.to_owned());
    let address = text("SSH_CLIENT").and_then(|client| {
        let mut words = client.split_whitespace();
        words.next().map(ToOwned::to_owned)
    });
    let user = text("SUDO_USER").or_else(|| text("USER"));
    Operator {
        user: user.unwrap_or_else(|| "unknown".to_owned()),
        host: address.unwrap_or_else(|| "deploy-rs".to_owned()),
    }
}
