//! One activation in progress: its journal, and children that are written into it first.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use super::environment::Environment;
use super::events::Events;
use super::fault;
use super::folder::Folder;
use super::gate::Gate;
use super::identity::{Traces, end_activation, identify};
use super::journal;
use super::program::failure_of;
use super::system::{self, own_cgroup};
use super::{canary, confirmation};
use crate::model::AbsolutePath;
use crate::process::{Detached, Invocation};
use crate::protocol::{
    ActivationProcess, AgentMessage, FailureReason, Journal, Phase, ProcessIdentity,
};

/// How much of what a child printed goes into a failure's message.
const DETAIL_MAX: u64 = 2000;
/// How long a child that was killed may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(15);

/// What a supervisor works with.
#[derive(Debug)]
pub(super) struct Context {
    /// The caller's variables and programs.
    pub(super) environment: Environment,
    /// The profile's folder.
    pub(super) folder: Folder,
    /// The run's messages and log.
    pub(super) events: Events,
    /// The file by whose removal deploy-rs's client confirms, where that has asked for the work.
    pub(super) canary: Option<AbsolutePath>,
}

/// An activation, and its journal as it is on the disk.
#[derive(Debug)]
pub(super) struct Work<'a> {
    /// What it works with.
    pub(super) context: &'a Context,
    /// The journal.
    pub(super) journal: Journal,
}

/// How a child ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ended {
    /// By itself, or by somebody's signal.
    Exited(ExitStatus),
    /// By us, since it took longer than this.
    TimedOut(Duration),
}

impl<'a> Work<'a> {
    /// Writes the first journal of an activation, or takes over another's.
    pub(super) fn begin(context: &'a Context, mut journal: Journal) -> io::Result<Self> {
        journal.agent = identify(std::process::id());
        journal.boot_id = system::boot_id();
        journal::store(&context.folder, &journal)?;
        Ok(Self { context, journal })
    }

    /// Writes a phase into the journal, then tells it. The phase stays what it was on the disk
    /// where that fails.
    pub(super) fn enter(&mut self, phase: Phase) -> Result<(), FailureReason> {
        let mut journal = self.journal.clone();
        journal.phase = phase;
        self.record(journal)
    }

    /// Writes this journal, and tells its phase where that is another one.
    pub(super) fn record(&mut self, journal: Journal) -> Result<(), FailureReason> {
        let entered = journal.phase != self.journal.phase;
        if entered {
            fault::point(point_before(journal.phase));
        }
        journal::store(&self.context.folder, &journal).map_err(|error| FailureReason::Agent {
            detail: format!("cannot write the journal: {error}"),
        })?;
        self.journal = journal;
        if entered {
            let phase = self.journal.phase;
            self.context.events.emit(AgentMessage::Phase { phase });
            fault::point(point_after(phase));
        }
        Ok(())
    }

    /// Like [`Work::enter`], for going back: a pending phase stays on a full disk, from which the
    /// next run would do the same again.
    pub(super) fn enter_anyway(&mut self, phase: Phase) {
        if let Err(reason) = self.enter(phase) {
            self.note(&format!("going on although: {reason}"));
            self.journal.phase = phase;
        }
    }

    /// Runs a child that is written into the journal, together with the phase that it begins,
    /// before it can do anything.
    pub(super) async fn run(
        &mut self,
        invocation: Invocation,
        limit: Option<Duration>,
        phase: Phase,
    ) -> Result<Ended, FailureReason> {
        self.run_leaving(invocation, limit, phase, |status| status == 0)
            .await
    }

    /// Like [`Work::run`]; what the child has left running is ended, unless its status is one
    /// that `leaves_alone`.
    pub(super) async fn run_leaving(
        &mut self,
        invocation: Invocation,
        limit: Option<Duration>,
        phase: Phase,
        leaves_alone: impl Fn(i32) -> bool,
    ) -> Result<Ended, FailureReason> {
        let executable = self.context.environment.own_executable();
        let gate = Gate::start(executable, invocation, self.context.events.log())
            .map_err(|error| not_started(super::error::chain(&error)))?;
        let mut journal = self.journal.clone();
        journal.phase = phase;
        journal.activated |= phase == Phase::Activating;
        let leader = gate.identity();
        journal.activation = Some(ActivationProcess::Group {
            leader,
            cgroup: own_cgroup(),
        });
        if phase == Phase::RollingBack {
            self.record_anyway(journal);
        } else {
            self.record(journal)?;
        }
        let mut child = gate
            .open()
            .map_err(|error| not_started(error.to_string()))?;
        fault::point("started");
        let ended = match limit {
            None => Some(child.wait().await),
            Some(limit) => tokio::time::timeout(limit, child.wait()).await.ok(),
        };
        let ended = match ended {
            Some(status) => Ended::Exited(status.map_err(|error| not_started(error.to_string()))?),
            None => Ended::TimedOut(limit.unwrap_or_default()),
        };
        if !ended.status().is_some_and(leaves_alone) {
            self.end(&mut child, leader).await;
        }
        Ok(ended)
    }

    fn record_anyway(&mut self, journal: Journal) {
        if let Err(reason) = self.record(journal.clone()) {
            self.note(&format!("going on although: {reason}"));
            self.journal = journal;
        }
    }

    /// What a failed child left running could go on changing what is being taken back.
    async fn end(&self, child: &mut Detached, leader: ProcessIdentity) {
        let cgroup = own_cgroup();
        let ending = end_activation(Traces {
            leader,
            cgroup: cgroup.as_deref(),
            is_ours: true,
        });
        // Reaps it beside, so that its group can be seen to end; for ever in the kernel, perhaps.
        let reaping = tokio::time::timeout(END_LIMIT, child.wait());
        if let (Err(problem), _) = tokio::join!(ending, reaping) {
            self.note(&format!("the activation could not be ended: {problem}"));
        }
    }

    /// Ends the time in which a confirmation can be given.
    pub(super) fn drop_confirmation(&self) {
        if let Some(folder) = &self.journal.confirm_folder {
            confirmation::remove(folder);
        }
        if let Some(file) = &self.journal.canary {
            canary::remove(file, &self.journal.run);
        }
    }

    /// Writes a line of our own into the log.
    pub(super) fn note(&self, text: &str) {
        self.context.events.note(text);
    }

    /// Returns where the log ends now, for [`Work::printed_since`].
    pub(super) fn log_length(&self) -> u64 {
        let metadata = self.context.events.log().metadata();
        metadata.map_or(0, |metadata| metadata.len())
    }

    /// Returns the end of what was printed since, on one line.
    pub(super) fn printed_since(&self, begin: u64) -> String {
        use std::os::unix::fs::FileExt;
        let end = self.log_length();
        let begin = begin.max(end.saturating_sub(DETAIL_MAX));
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(begin)).unwrap_or_default()];
        if self
            .context
            .events
            .log()
            .read_exact_at(&mut bytes, begin)
            .is_err()
        {
            return String::new();
        }
        let text = String::from_utf8_lossy(&bytes);
        text.lines()
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ")
            .trim()
            .to_owned()
    }
}

impl Ended {
    /// Returns the status with which it ended by itself.
    fn status(self) -> Option<i32> {
        match self {
            Self::Exited(status) => status.code(),
            Self::TimedOut(_) => None,
        }
    }

    /// Returns what was wrong, none where nothing was.
    pub(super) fn failure(self) -> Option<FailureReason> {
        match self {
            Self::Exited(status) => failure_of(status),
            Self::TimedOut(limit) => Some(FailureReason::TimedOut {
                seconds: limit.as_secs(),
            }),
        }
    }
}

fn not_started(detail: String) -> FailureReason {
    FailureReason::NotStarted { detail }
}

fn point_before(phase: Phase) -> &'static str {
    match phase {
        Phase::Prepared => "before-prepared",
        Phase::Setting => "before-setting",
        Phase::Activating => "before-activating",
        Phase::Waiting => "before-waiting",
        Phase::Committing => "before-committing",
        Phase::Confirmed => "before-confirmed",
        Phase::RollingBack => "before-rolling-back",
        Phase::RolledBack => "before-rolled-back",
        Phase::LeftFailed => "before-left-failed",
        Phase::RollbackFailed => "before-rollback-failed",
    }
}

fn point_after(phase: Phase) -> &'static str {
    let before = point_before(phase);
    before.strip_prefix("before-").unwrap_or(before)
}
