//! Finishing what an agent that died has left: back, and forward only to what was confirmed.

use super::error::AgentError;
use super::events::append_result;
use super::folder::{JobKind, RunFiles};
use super::identity::{Traces, end_activation};
use super::journal;
use super::machine::{Fact, Policy, next};
use super::profile::{Snapshot, read_state};
use super::rollback_plan::{LinkStep, Moment, link_step};
use super::work::{Context, Work};
use super::{fault, system};
use crate::model::{AbsolutePath, Operator, RunId};
use crate::process::{Invocation, run};
use crate::protocol::{
    ActivationProcess, ActivationResult, AgentMessage, FailureReason, Journal, Phase, Recovery,
};

/// An activation that nobody works on any more, as it was found.
#[derive(Debug)]
pub(super) struct Found {
    run: RunId,
    operator: Operator,
    /// The phase that it was in.
    pub(super) phase: Phase,
    files: RunFiles,
    rebooted: bool,
}

/// Recovers what the journal names. The profile's lock must be held, so that nobody else works on
/// it any more.
///
/// # Errors
/// Where the profile is in no state to begin anything else.
pub(super) async fn recover(context: &Context) -> Result<(), AgentError> {
    match take_over(context).await? {
        Some((mut work, found)) => found.finish(context, &mut work).await,
        None => Ok(()),
    }
}

/// Takes over what the journal names, none where nothing is pending; ends what is left of it.
pub(super) async fn take_over(context: &Context) -> Result<Option<(Work<'_>, Found)>, AgentError> {
    let journal = journal::load(&context.folder)?;
    let Some(mut journal) = journal.filter(|journal| journal.phase.is_pending()) else {
        return Ok(None);
    };
    end_process(&journal).await?;
    journal.activation = None;
    fault::point("ended");
    let kind = match journal.failure {
        Some(FailureReason::Revoked) => JobKind::Revoke,
        _ => JobKind::Activate,
    };
    let found = Found {
        run: journal.run.clone(),
        operator: journal.operator.clone(),
        phase: journal.phase,
        files: context.folder.run_files(&journal.run, kind),
        rebooted: is_other_boot(&journal),
    };
    context.events.note(&found.to_string());
    let work = Work::begin(context, journal).map_err(AgentError::file(
        "write the journal in",
        context.folder.path(),
    ))?;
    Ok(Some((work, found)))
}

impl Found {
    /// Finishes it, and tells so.
    ///
    /// # Errors
    /// Where going back failed.
    pub(super) async fn finish(
        self,
        context: &Context,
        work: &mut Work<'_>,
    ) -> Result<(), AgentError> {
        let (recovery, result) = work.finish_interrupted(self.rebooted).await;
        append_result(&self.files, &result).ok();
        let run = self.run;
        context.events.emit(AgentMessage::Recovered {
            run: run.clone(),
            operator: self.operator,
            recovery,
        });
        match result {
            ActivationResult::RollbackFailed { reason, detail, .. } => {
                let reason = Box::new(reason);
                Err(AgentError::RecoveryFailed {
                    run,
                    reason,
                    detail,
                })
            }
            _ => Ok(()),
        }
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (run, operator, phase) = (&self.run, &self.operator, self.phase);
        let what = if phase == Phase::Committing {
            "finishing it"
        } else {
            "taking it back"
        };
        write!(
            formatter,
            "run {run} of {operator} was interrupted in phase {phase}; {what}"
        )
    }
}

/// Recovers, and nothing else. The profile's lock must be held.
///
/// # Errors
/// Only where nothing was changed.
pub(super) async fn recover_only(
    context: &Context,
    profile: &AbsolutePath,
) -> Result<ActivationResult, AgentError> {
    let state = || read_state(profile);
    match recover(context).await {
        Ok(()) => Ok(ActivationResult::AlreadyDone { state: state() }),
        Err(AgentError::RecoveryFailed { reason, detail, .. }) => {
            Ok(ActivationResult::RollbackFailed {
                reason: *reason,
                detail,
                state: state(),
            })
        }
        Err(error) => Err(error),
    }
}

/// What was left running could go on changing what is being taken back.
async fn end_process(journal: &Journal) -> Result<(), AgentError> {
    // Numbers of an earlier boot mean nothing now. Some hosts share the id of their boot, though.
    let other_boot = is_other_boot(journal);
    let ended = match &journal.activation {
        _ if other_boot => Ok(()),
        None => Ok(()),
        // A number without a start time may be anybody's by now.
        Some(ActivationProcess::Group { leader, .. }) if leader.start_time == 0 => Ok(()),
        Some(ActivationProcess::Group { leader, cgroup }) => {
            end_activation(Traces {
                leader: *leader,
                cgroup: cgroup.as_deref(),
                is_ours: false,
            })
            .await
        }
        Some(ActivationProcess::Unit { name }) => stop_unit(name).await,
    };
    ended.map_err(|problem| AgentError::StillRunning {
        run: journal.run.clone(),
        problem,
    })
}

fn is_other_boot(journal: &Journal) -> bool {
    match (&journal.boot_id, system::boot_id()) {
        (Some(then), Some(now)) => *then != now,
        _ => false,
    }
}

async fn stop_unit(name: &str) -> Result<(), String> {
    let call = Invocation::new("systemctl").args(["stop", "--", name]);
    match run(&call).await {
        Ok(ended) if ended.status.success() => Ok(()),
        Ok(ended) => Err(format!("systemctl stop {name}: {}", ended.stderr.text())),
        Err(error) => Err(super::error::chain(&error)),
    }
}

impl Work<'_> {
    async fn finish_interrupted(&mut self, rebooted: bool) -> (Recovery, ActivationResult) {
        let phase = self.journal.phase;
        let reason = FailureReason::Interrupted { phase };
        // How the activation was to go on does not matter for going back.
        let policy = Policy::of_found(&self.journal);
        match next(phase, Fact::Interrupted, policy) {
            Some(Phase::RolledBack) => {
                self.journal.failure = Some(reason.clone());
                self.enter_anyway(Phase::RolledBack);
                self.remove_roots();
                let reason = format!("{reason}; nothing was changed");
                let result = ActivationResult::NotStarted { reason };
                (Recovery::NothingDone, result)
            }
            Some(Phase::Committing) => self.finish_confirmed(policy, rebooted).await,
            _ => self.take_back(reason).await,
        }
    }

    /// Goes on with what was confirmed; back only where that fails.
    async fn finish_confirmed(
        &mut self,
        policy: Policy,
        rebooted: bool,
    ) -> (Recovery, ActivationResult) {
        let mut done = self.commit().await;
        if done.is_ok() {
            done = self.activate_committed(rebooted).await;
        }
        match done {
            Err(FailureReason::Degraded { .. }) => self.journal.degraded = true,
            Err(reason) => return self.take_back(reason).await,
            Ok(()) => {}
        }
        self.journal.activation = None;
        let phase = next(Phase::Committing, Fact::Succeeded, policy);
        self.enter_anyway(phase.unwrap_or(Phase::Confirmed));
        (Recovery::Finished, self.close_confirmed())
    }

    async fn take_back(&mut self, reason: FailureReason) -> (Recovery, ActivationResult) {
        let superseded = Snapshot::read(&self.journal.profile_path).is_ok_and(|now| {
            link_step(&self.journal, &now, Moment::Later) == LinkStep::LeaveToOthers
        });
        let recovery = if superseded {
            Recovery::Superseded
        } else {
            Recovery::RolledBack
        };
        let reason = self.journal.failure.clone().unwrap_or(reason);
        (recovery, self.roll_back(reason, Moment::Later).await)
    }
}
