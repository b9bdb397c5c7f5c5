//! The activation step: start the agent, follow it, confirm, and learn how it ended.

use std::sync::{Arc, Mutex, PoisonError};

use super::agent_call::agent_of;
use super::context::RunContext;
use super::event::{Event, Stage};
use super::follower::{Followed, Follower};
use super::legacy;
use super::orphan::adopt;
use super::result::outcome_of;
use super::step_end::StepEnd;
use super::step_log::StepLog;
use crate::host::{AgentCall, Host};
use crate::plan::{Action, Mode, PlannedProfile, StepId};
use crate::protocol::{ActivationRequest, AgentCommand, PROTOCOL_VERSION};
use crate::schedule::Outcome;

/// How far an activation has come, for whoever stops waiting for it.
pub(super) type SharedStage = Arc<Mutex<Option<Stage>>>;

/// Activates a profile and follows it to its end, over new connections where one is lost.
pub(super) async fn run<H: Host>(
    context: &RunContext<H>,
    step: &StepId,
    profile: &PlannedProfile,
    stage: &SharedStage,
    log: &mut StepLog,
) -> StepEnd {
    if legacy::is_chosen(context, &profile.node) {
        if context.plan.mode == Mode::Boot {
            return StepEnd::from(Outcome::Failed {
                message: "only our agent prepares a next boot, and it does not start there; nothing was changed"
                    .to_owned(),
            });
        }
        return legacy::run(context, (step, profile), stage, log).await;
    }
    let call = match call_of(context, profile).await {
        Ok(call) => call,
        Err(message) => return StepEnd::from(Outcome::Failed { message }),
    };
    let follower = Follower::new(context, (step, profile), stage, log, call.clone());
    let Followed {
        result,
        unconfirmed,
    } = follower.follow().await;
    let outcome = match result {
        Ok(result) => {
            let result = adopt(&context.host, &call, result, log).await;
            outcome_of(&result, profile, unconfirmed.as_deref())
        }
        Err(lost) => lost,
    };
    StepEnd {
        outcome,
        tail: log.tail(),
    }
}

/// Notes and tells that an activation has come to a stage, once.
pub(super) fn enter<H>(context: &RunContext<H>, step: &StepId, shared: &SharedStage, stage: Stage) {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.as_ref() == Some(&stage) {
        return;
    }
    *shared = Some(stage.clone());
    drop(shared);
    context.sink.send(Event::StepStaged {
        step: step.clone(),
        stage,
    });
}

async fn call_of<H: Host>(
    context: &RunContext<H>,
    profile: &PlannedProfile,
) -> Result<AgentCall, String> {
    let profile_path = profile.profile_path.clone();
    let request = ActivationRequest {
        protocol: PROTOCOL_VERSION,
        run: context.run.clone(),
        operator: context.operator.clone(),
        profile_path: profile_path.ok_or_else(|| "the profile's path is not known".to_owned())?,
        expected: profile.current.clone(),
        target: profile.target.path.clone(),
        generation: (profile.action == Action::RollBack)
            .then_some(profile.target.generation)
            .flatten(),
        reactivate: profile.action == Action::Reactivate,
        next_boot: context.plan.mode == Mode::Boot,
        auto_rollback: profile.settings.auto_rollback,
        magic_rollback: profile.settings.magic_rollback,
        on_degraded: profile.settings.on_degraded,
        temp_path: profile.settings.temp_path.clone(),
        activation_timeout: profile.settings.activation_timeout,
        confirm_timeout: profile.settings.confirm_timeout,
        lock_timeout: context.lock_timeout,
    };
    Ok(AgentCall {
        connection: profile.connection.clone(),
        sudo: profile.settings.sudo.clone(),
        agent: agent_of(context, &profile.node).await?,
        command: AgentCommand::Start(Box::new(request)),
    })
}
