//! Taking back what a run has activated, because something else of it did not succeed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::agent_call::agent_of;
use super::context::RunContext;
use super::dispatcher::Interrupts;
use super::event::{Event, Stage};
use super::legacy;
use super::result::describe;
use super::settle::settle;
use super::step_end::StepEnd;
use super::step_log::StepLog;
use crate::host::{AgentCall, Host};
use crate::plan::{GraphError, PlannedProfile, PlannedStep, StepGraph, StepId, StepKind};
use crate::protocol::{ActivationResult, AgentCommand, AgentMessage};
use crate::schedule::{Outcome, Walk, take_back_steps};

/// Returns the activations that are to be taken back. `autoRollback = false` exempts a profile.
pub(super) fn activated<'a, H>(
    context: &RunContext<H>,
    outcomes: impl Iterator<Item = (&'a PlannedStep, &'a Outcome)>,
) -> BTreeSet<StepId> {
    let is_in_force = |outcome: &Outcome| {
        matches!(
            outcome,
            Outcome::Done { .. } | Outcome::Prepared { .. } | Outcome::Degraded { .. }
        )
    };
    let goes_back = |step: &PlannedStep| {
        planned(context, step).is_some_and(|profile| profile.settings.auto_rollback)
    };
    outcomes
        .filter(|(step, outcome)| step.kind == StepKind::Activate && is_in_force(outcome))
        .filter(|(step, _)| goes_back(step))
        .map(|(step, _)| step.id.clone())
        .collect()
}

/// Takes these activations back, the last first. A second interrupt ends the waiting.
pub(super) async fn take_back<H: Host>(
    context: &Arc<RunContext<H>>,
    cause: &StepId,
    activated: &BTreeSet<StepId>,
    interrupts: (&mut u32, &mut Interrupts),
) -> Result<BTreeMap<StepId, Outcome>, GraphError> {
    let steps = take_back_steps(&context.plan.steps, activated);
    let mut walk = Walk::new(&StepGraph::new(&steps)?);
    let cause = name_of(context, cause);
    let (interrupted, interrupts) = interrupts;
    let mut running = JoinSet::new();
    let mut outcomes = BTreeMap::new();
    loop {
        let ready: Vec<StepId> = walk.ready().cloned().collect();
        for id in ready {
            walk.start(&id);
            let (context, cause) = (Arc::clone(context), cause.clone());
            running.spawn(async move {
                let end = take_one_back(&context, &id, &cause).await;
                (id, end)
            });
        }
        let ended = tokio::select! {
            ended = running.join_next() => ended,
            Some(()) = interrupts.recv() => {
                *interrupted += 1;
                let abandoned = *interrupted > 1;
                context.sink.send(Event::Interrupted { abandoned });
                if abandoned {
                    break;
                }
                continue;
            }
        };
        match ended {
            None => break,
            Some(Ok((id, end))) => {
                let outcome = end.outcome.clone();
                report(context, &id, end);
                walk.finish(&id, outcome.clone());
                outcomes.insert(id, outcome);
            }
            // What met a bug counts as what it was: activated.
            Some(Err(_)) => {}
        }
    }
    for id in activated
        .iter()
        .filter(|id| !outcomes.contains_key(*id))
        .cloned()
        .collect::<Vec<_>>()
    {
        let message = "activated; whether it was taken back is not known".to_owned();
        let outcome = Outcome::Broken { message };
        report(context, &id, StepEnd::from(outcome.clone()));
        outcomes.insert(id, outcome);
    }
    Ok(outcomes)
}

fn report<H>(context: &RunContext<H>, step: &StepId, end: StepEnd) {
    context.sink.send(Event::StepFinished {
        step: step.clone(),
        outcome: end.outcome,
        tail: end.tail,
        log: None,
    });
}

async fn take_one_back<H: Host>(context: &RunContext<H>, id: &StepId, cause: &str) -> StepEnd {
    let steps = context.plan.steps.iter();
    let step = steps.clone().find(|step| step.id == *id);
    let Some(profile) = step.and_then(|step| planned(context, step)) else {
        let message = "the plan does not say what this step is for".to_owned();
        return StepEnd::from(Outcome::Broken { message });
    };
    context.sink.send(Event::StepStaged {
        step: id.clone(),
        stage: Stage::RollingBack,
    });
    let mut log = StepLog::new(id, &context.folder, &context.sink);
    let outcome = revoke(context, profile, cause, &mut log).await;
    StepEnd {
        outcome,
        tail: log.tail(),
    }
}

async fn revoke<H: Host>(
    context: &RunContext<H>,
    profile: &PlannedProfile,
    cause: &str,
    log: &mut StepLog,
) -> Outcome {
    let stays = |why: String| Outcome::Broken {
        message: format!("activated, and not taken back although {cause} did not succeed: {why}"),
    };
    let taken_back = || Outcome::RolledBack {
        message: format!("the run was taken back, since {cause} did not succeed"),
    };
    if legacy::is_chosen(context, &profile.node) {
        return match legacy::revoke(context, profile, log).await {
            Ok(()) => taken_back(),
            Err(why) => stays(why),
        };
    }
    let agent = match agent_of(context, &profile.node).await {
        Ok(agent) => agent,
        Err(message) => return stays(message),
    };
    let Some(profile_path) = profile.profile_path.clone() else {
        return stays("the profile's path is not known".to_owned());
    };
    let call = AgentCall {
        connection: profile.connection.clone(),
        sudo: profile.settings.sudo.clone(),
        agent,
        command: AgentCommand::Revoke {
            run: context.run.clone(),
            profile_path,
        },
    };
    let on_message = |message: &AgentMessage| {
        if let AgentMessage::Output { text } = message {
            log.line(text);
        }
    };
    match settle(&context.host, &call, on_message).await {
        Ok(ActivationResult::RolledBack { .. }) => taken_back(),
        Ok(ActivationResult::Stale { found }) => stays(format!(
            "it is no longer what this run made of it, but {}",
            describe(&found)
        )),
        Ok(ActivationResult::Locked { .. }) => stays("another run holds its lock".to_owned()),
        Ok(ActivationResult::NotStarted { reason }) => stays(reason),
        Ok(ActivationResult::RollbackFailed { detail, state, .. }) => stays(format!(
            "going back failed: {detail}. The profile is at {} now",
            describe(&state)
        )),
        Ok(_) => stays("the agent gave an unexpected answer".to_owned()),
        Err(error) if error.is_unreachable() => Outcome::Unreachable {
            message: format!(
                "{error}; it was activated and confirmed, and stays unless it was just being taken back, since {cause} did not succeed"
            ),
        },
        Err(error) => stays(error.to_string()),
    }
}

fn planned<'a, H>(context: &'a RunContext<H>, step: &PlannedStep) -> Option<&'a PlannedProfile> {
    let (node, profile) = step.node.as_ref().zip(step.profile.as_ref())?;
    context.plan.profile(node, profile)
}

/// Returns a step's name for people.
fn name_of<H>(context: &RunContext<H>, id: &StepId) -> String {
    let mut steps = context.plan.steps.iter();
    let step = steps.find(|step| step.id == *id);
    match step.map(|step| (step.kind, &step.node, &step.profile)) {
        Some((_, Some(node), Some(profile))) => format!("{node}.{profile}"),
        Some((StepKind::Copy, Some(node), None)) => format!("the copy to {node}"),
        _ => id.to_string(),
    }
}
