//! An activation from its first journal to its result: each phase as the machine says.

use std::path::Path;
use std::time::Duration;

use super::clock;
use super::confirmation::{self, Confirmation};
use super::fault;
use super::machine::{Fact, Policy, next};
use super::outcome::kept;
use super::profile::read_state;
use super::program::{Action, Program};
use super::rollback_plan::Moment;
use super::work::Work;
use crate::protocol::{
    ActivationRequest, ActivationResult, AgentMessage, FailureReason, Order, Phase,
};

/// What went wrong, and what that means.
type Setback = (Fact, FailureReason);

struct Activation<'a, 'b> {
    policy: Policy,
    work: &'a mut Work<'b>,
}

impl Work<'_> {
    /// Goes on from the first journal.
    pub(super) async fn carry_out(
        &mut self,
        request: &ActivationRequest,
        policy: Policy,
    ) -> ActivationResult {
        let mut activation = Activation { policy, work: self };
        match activation.go(request).await {
            Ok(()) => self.close_confirmed(),
            Err((fact, reason)) => activation.undo(fact, reason).await,
        }
    }

    /// Drops what only a pending activation needs.
    pub(super) fn close_confirmed(&mut self) -> ActivationResult {
        self.drop_confirmation();
        self.remove_roots();
        kept(&self.journal, read_state(&self.journal.profile_path))
    }
}

impl Activation<'_, '_> {
    async fn go(&mut self, request: &ActivationRequest) -> Result<(), Setback> {
        let fact = match self.policy.order {
            Order::SetFirst => self.set_and_activate(Action::Switch).await?,
            Order::NextBoot => self.set_and_activate(Action::Boot).await?,
            Order::ConfirmFirst => self.try_out().await?,
        };
        let mut phase = self.after(fact)?;
        if phase == Phase::Waiting {
            self.await_confirmation(request, phase).await?;
            phase = self.after(Fact::Succeeded)?;
        }
        self.enter(phase)?;
        if phase == Phase::Committing {
            let failed = |reason| (Fact::Failed, reason);
            self.work.commit().await.map_err(failed)?;
            let phase = self.after(Fact::Succeeded)?;
            // All is done and lasts. Where the disk is full, the next run does it again.
            self.work.journal.activation = None;
            self.work.enter_anyway(phase);
        }
        Ok(())
    }

    async fn set_and_activate(&mut self, action: Action) -> Result<Fact, Setback> {
        if self.policy.sets_profile {
            let phase = self.after(Fact::Succeeded)?;
            let set = self.work.set_profile(phase).await;
            set.map_err(|reason| (Fact::Failed, reason))?;
        }
        fault::point("set");
        let location = self.work.journal.profile_path.to_string();
        let fact = self.activate(&location, action).await?;
        self.work.sync().map_err(unconfirmed)?;
        Ok(fact)
    }

    /// Activates the target while profile and boot entry still are the old ones.
    async fn try_out(&mut self) -> Result<Fact, Setback> {
        let location = self.work.journal.target.to_string();
        self.activate(&location, Action::Test).await
    }

    async fn activate(&mut self, location: &str, action: Action) -> Result<Fact, Setback> {
        let phase = self.after(Fact::Succeeded)?;
        let location = Path::new(location);
        let program = Program::of_target(location).map_err(|reason| (Fact::Failed, reason))?;
        let result = self.work.activate(program, location, action, phase).await;
        fault::point("activated");
        let (fact, reason) = match result {
            Ok(()) => return Ok(Fact::Succeeded),
            Err(reason) => (fact_of(&reason), reason),
        };
        // Not where it could not even begin.
        let goes_on = next(self.work.journal.phase, fact, self.policy)
            .is_some_and(Phase::is_after_activation);
        if !goes_on {
            return Err((fact, reason));
        }
        self.work.note(&format!("going on although {reason}"));
        self.work.journal.degraded = true;
        Ok(fact)
    }

    async fn await_confirmation(
        &mut self,
        request: &ActivationRequest,
        phase: Phase,
    ) -> Result<(), Setback> {
        let seconds = request.confirm_timeout;
        let folder = &self.work.context.folder;
        let mut confirmation =
            Confirmation::prepare(folder, &request.run, request.temp_path.as_ref())
                .map_err(|error| unconfirmed(format!("cannot await a confirmation: {error}")))?;
        let mut journal = self.work.journal.clone();
        journal.phase = phase;
        journal.activation = None;
        journal.confirm_folder = Some(confirmation.folder().clone());
        journal.canary.clone_from(&self.work.context.canary);
        journal.deadline = Some(clock::seconds_since_epoch().saturating_add(seconds));
        if let Err(reason) = self.work.record(journal) {
            confirmation::remove(confirmation.folder());
            return Err((Fact::Unconfirmed, reason));
        }
        if let Some(canary) = &self.work.journal.canary {
            let put = confirmation.put_canary(canary, &self.work.journal);
            put.map_err(|error| unconfirmed(format!("cannot create {canary}: {error}")))?;
        }
        self.work
            .context
            .events
            .emit(AgentMessage::Waiting { seconds });
        if confirmation.wait(Duration::from_secs(seconds)).await {
            fault::point("confirmation-seen");
            Ok(())
        } else {
            Err((Fact::Unconfirmed, FailureReason::NotConfirmed { seconds }))
        }
    }

    fn enter(&mut self, phase: Phase) -> Result<(), Setback> {
        let mut journal = self.work.journal.clone();
        journal.phase = phase;
        journal.activation = None;
        self.work
            .record(journal)
            .map_err(|reason| (Fact::Failed, reason))
    }

    fn after(&self, fact: Fact) -> Result<Phase, Setback> {
        let phase = self.work.journal.phase;
        next(phase, fact, self.policy).ok_or_else(|| failed(&format!("nothing follows {phase}")))
    }

    async fn undo(&mut self, fact: Fact, reason: FailureReason) -> ActivationResult {
        let phase = next(self.work.journal.phase, fact, self.policy);
        match phase.unwrap_or(Phase::RollingBack) {
            Phase::RolledBack => {
                self.end(Phase::RolledBack, &reason);
                if fact == Fact::NeedsReboot {
                    let state = read_state(&self.work.journal.profile_path);
                    return ActivationResult::NeedsReboot { state };
                }
                let reason = format!("{reason}; nothing was changed");
                ActivationResult::NotStarted { reason }
            }
            Phase::LeftFailed => {
                self.end(Phase::LeftFailed, &reason);
                let state = read_state(&self.work.journal.profile_path);
                ActivationResult::LeftFailed { reason, state }
            }
            _ => {
                let moment = match self.policy.order {
                    Order::SetFirst | Order::NextBoot => Moment::AtOnce,
                    // The link was not ours to change until now.
                    Order::ConfirmFirst => Moment::Later,
                };
                self.work.roll_back(reason, moment).await
            }
        }
    }

    fn end(&mut self, phase: Phase, reason: &FailureReason) {
        self.work.journal.failure = Some(reason.clone());
        self.work.journal.activation = None;
        self.work.enter_anyway(phase);
        self.work.remove_roots();
    }
}

fn fact_of(reason: &FailureReason) -> Fact {
    match reason {
        FailureReason::Degraded { .. } => Fact::Degraded,
        FailureReason::NeedsReboot => Fact::NeedsReboot,
        _ => Fact::Failed,
    }
}

fn failed(detail: &str) -> Setback {
    let detail = detail.to_owned();
    (Fact::Failed, FailureReason::Agent { detail })
}

fn unconfirmed(detail: String) -> Setback {
    (Fact::Unconfirmed, FailureReason::Agent { detail })
}
