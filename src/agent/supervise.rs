//! The process that does the work: detached, under the profile's lock, heard by nobody in need.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::activate::activate;
use super::early::recover_early;
use super::environment::Environment;
use super::error::AgentError;
use super::events::Events;
use super::fault;
use super::folder::{Folder, JobKind, RunFiles};
use super::journal;
use super::lock::{Lock, Taken};
use super::recovery::recover_only;
use super::revoke::revoke;
use super::system::adopt_orphans;
use super::work::Context;
use crate::model::{AbsolutePath, Operator, RunId};
use crate::protocol::{ActivationRequest, ActivationResult, AgentMessage};

/// How long taking back waits for the lock: another run may just be ending.
const REVOKE_LOCK_LIMIT: Duration = Duration::from_secs(10);

/// What a supervisor is to do: the argument of `activate supervise`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Job {
    /// Activate.
    Activate {
        /// What and how.
        request: Box<ActivationRequest>,
        /// The file by whose removal deploy-rs's client confirms.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        canary: Option<AbsolutePath>,
    },
    /// Take a confirmed activation back.
    Revoke {
        /// Its run.
        run: RunId,
        /// The profile link.
        profile_path: AbsolutePath,
    },
    /// Finish what another run has left.
    Recover {
        /// The run that asks.
        run: RunId,
        /// The profile link.
        profile_path: AbsolutePath,
        /// Only as far as nothing has to be started.
        #[serde(default)]
        early: bool,
    },
}

impl Job {
    /// Returns the run that the job belongs to.
    pub(super) fn run(&self) -> &RunId {
        match self {
            Self::Activate { request, .. } => &request.run,
            Self::Revoke { run, .. } | Self::Recover { run, .. } => run,
        }
    }

    /// Returns the folder of the profile that it is about.
    pub(super) fn folder(&self) -> Folder {
        Folder::of(match self {
            Self::Activate { request, .. } => &request.profile_path,
            Self::Revoke { profile_path, .. } | Self::Recover { profile_path, .. } => profile_path,
        })
    }

    /// Returns which of the run's jobs it is.
    pub(super) fn kind(&self) -> JobKind {
        match self {
            Self::Activate { .. } => JobKind::Activate,
            Self::Revoke { .. } => JobKind::Revoke,
            Self::Recover { .. } => JobKind::Recover,
        }
    }

    /// Returns the files that it writes.
    pub(super) fn files(&self) -> RunFiles {
        self.folder().run_files(self.run(), self.kind())
    }

    fn canary(&self) -> Option<&AbsolutePath> {
        match self {
            Self::Activate { canary, .. } => canary.as_ref(),
            Self::Revoke { .. } | Self::Recover { .. } => None,
        }
    }

    fn lock_limit(&self) -> Duration {
        match self {
            Self::Activate { request, .. } => Duration::from_secs(request.lock_timeout),
            Self::Revoke { .. } => REVOKE_LOCK_LIMIT,
            // Whoever holds it lives, and finishes by itself.
            Self::Recover { .. } => Duration::ZERO,
        }
    }

    fn operator(&self, folder: &Folder) -> Operator {
        let of_journal = || Some(journal::load(folder).ok()??.operator);
        match self {
            Self::Activate { request, .. } => request.operator.clone(),
            Self::Revoke { .. } | Self::Recover { .. } => of_journal().unwrap_or(Operator {
                user: "unknown".into(),
                host: "unknown".into(),
            }),
        }
    }
}

/// Does the job, and returns its result; none where it was done or is being done by another process.
pub(super) async fn supervise(
    environment: Environment,
    job: &Job,
) -> Result<Option<ActivationResult>, AgentError> {
    // Fails where this is a leader already, as below systemd: then it is what is wanted.
    rustix::process::setsid().ok();
    adopt_orphans();
    let files = job.files();
    let Some(events) = Events::claim(&job.folder(), &files).await? else {
        return Ok(None);
    };
    events
        .hello(&files)
        .map_err(AgentError::file("write the events", &files.events))?;
    fault::point("hello");
    let context = Context {
        environment,
        folder: job.folder(),
        events,
        canary: job.canary().cloned(),
    };
    let result = match work(&context, job).await {
        Ok(result) => result,
        Err(error) => ActivationResult::NotStarted {
            reason: error.to_string(),
        },
    };
    fault::point("result");
    context.events.emit(AgentMessage::Result {
        result: result.clone(),
    });
    Ok(Some(result))
}

async fn work(context: &Context, job: &Job) -> Result<ActivationResult, AgentError> {
    let folder = &context.folder;
    let operator = job.operator(folder);
    let _lock = match Lock::take(folder, job.run(), &operator, job.lock_limit()).await? {
        Taken::Lock(lock) => lock,
        Taken::Held(holder) => return Ok(ActivationResult::Locked { holder }),
    };
    fault::point("locked");
    folder.prune(job.run());
    match job {
        Job::Activate { request, .. } => activate(context, request).await,
        Job::Revoke { run, profile_path } => revoke(context, run, profile_path).await,
        Job::Recover {
            profile_path,
            early: false,
            ..
        } => recover_only(context, profile_path).await,
        Job::Recover { profile_path, .. } => recover_early(context, profile_path).await,
    }
}
