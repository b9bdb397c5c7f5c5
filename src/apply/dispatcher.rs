//! The one loop that owns a run: it starts what the walk allows, and takes in what ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{AbortHandle, Id, JoinSet};

use super::activate::SharedStage;
use super::context::{Activations, OnFailure, RunContext};
use super::event::{Event, Stage};
use super::exit::{Exit, exit_of};
use super::lane::Lane;
use super::release::release;
use super::step_end::StepEnd;
use super::step_log::StepLog;
use super::take_back::{self, take_back};
use super::{activate, build, copy, dry_activate, node_build};
use crate::host::Host;
use crate::model::NodeName;
use crate::plan::{GraphError, PlannedStep, StepGraph, StepId, StepKind};
use crate::schedule::{Outcome, Walk, with_barrier};

/// The operator's interrupts, one message each.
pub type Interrupts = UnboundedReceiver<()>;

/// How a run ended.
#[derive(Debug)]
pub struct RunEnd {
    /// What it comes to.
    pub exit: Exit,
    /// How each step ended.
    pub outcomes: BTreeMap<StepId, Outcome>,
}

/// Walks the plan's graph to its end. `refused` are steps that must not run, with the reason.
pub async fn run_plan<H: Host>(
    context: Arc<RunContext<H>>,
    refused: BTreeMap<StepId, Outcome>,
    interrupts: Interrupts,
) -> Result<RunEnd, GraphError> {
    let steps = with_barrier(&context.plan.steps, context.policy.barrier);
    let graph = StepGraph::new(&steps)?;
    let steps = steps.into_iter().map(|step| (step.id.clone(), step));
    let steps: BTreeMap<StepId, PlannedStep> = steps.collect();
    let dispatcher = Dispatcher {
        walk: Walk::in_lanes(&graph, |id| Lane::of(&steps[id], &context.limits)),
        steps,
        running: JoinSet::new(),
        running_in: BTreeMap::new(),
        started: BTreeMap::new(),
        tasks: BTreeMap::new(),
        interrupts: 0,
        stopped_by: None,
        context,
    };
    dispatcher.run(refused, interrupts).await
}

struct Dispatcher<H> {
    context: Arc<RunContext<H>>,
    steps: BTreeMap<StepId, PlannedStep>,
    walk: Walk<Lane>,
    running: JoinSet<(StepId, StepEnd, Option<String>)>,
    running_in: BTreeMap<Lane, usize>,
    started: BTreeMap<StepId, Started>,
    tasks: BTreeMap<Id, StepId>,
    interrupts: u32,
    /// The step whose failure ends the run early.
    stopped_by: Option<StepId>,
}

struct Started {
    kind: StepKind,
    lane: Lane,
    stage: SharedStage,
    task: AbortHandle,
}

impl<H: Host> Dispatcher<H> {
    async fn run(
        mut self,
        refused: BTreeMap<StepId, Outcome>,
        mut interrupts: Interrupts,
    ) -> Result<RunEnd, GraphError> {
        for (step, outcome) in refused {
            self.finish(&step, StepEnd::from(outcome), None);
        }
        loop {
            self.start_ready();
            if self.running.is_empty() {
                break;
            }
            tokio::select! {
                Some(ended) = self.running.join_next_with_id() => match ended {
                    Ok((id, (step, end, log))) => {
                        self.tasks.remove(&id);
                        self.finish(&step, end, log);
                    }
                    Err(error) => self.finish_broken(&error),
                },
                Some(()) = interrupts.recv() => self.interrupt(),
            }
        }
        let mut outcomes: BTreeMap<StepId, Outcome> = self
            .steps
            .keys()
            .filter_map(|id| Some((id.clone(), self.walk.outcome(id)?.clone())))
            .collect();
        let takes_back =
            self.context.policy.on_failure == OnFailure::TakeBack && self.interrupts <= 1;
        if let Some(cause) = self.stopped_by.take().filter(|_| takes_back) {
            let ended = outcomes
                .iter()
                .map(|(id, outcome)| (&self.steps[id], outcome));
            let activated = take_back::activated(&self.context, ended);
            let interrupts = (&mut self.interrupts, &mut interrupts);
            outcomes.extend(take_back(&self.context, &cause, &activated, interrupts).await?);
        }
        self.release().await;
        let kinds = outcomes
            .iter()
            .map(|(id, outcome)| (self.steps[id].kind, outcome));
        let exit = exit_of(&self.context.plan, kinds, self.interrupts > 0);
        Ok(RunEnd { exit, outcomes })
    }

    /// Nodes whose copy succeeded keep paths until here; one that was lost would only delay the end.
    async fn release(&self) {
        let outcome = |step: &PlannedStep| self.walk.outcome(&step.id);
        let mut kept: BTreeSet<NodeName> = BTreeSet::new();
        for step in self
            .steps
            .values()
            .filter(|step| step.kind == StepKind::Copy)
        {
            let copied = outcome(step).is_some_and(Outcome::succeeded);
            kept.extend(step.node.clone().filter(|_| copied));
        }
        for step in self.steps.values() {
            if let (Some(node), Some(Outcome::Unreachable { .. })) = (&step.node, outcome(step)) {
                kept.remove(node);
            }
        }
        release(&self.context, kept).await;
    }

    fn start_ready(&mut self) {
        if self.interrupts > 0 {
            return;
        }
        while let Some(id) = self.next_step() {
            self.start(&id);
        }
    }

    fn next_step(&self) -> Option<StepId> {
        let has_room = |lane: &Lane| {
            let running = self.running_in.get(lane).copied().unwrap_or_default();
            running < lane.limit(&self.context.limits)
        };
        let mut lanes = Lane::ALL.into_iter().filter(has_room);
        lanes.find_map(|lane| self.walk.next_in(lane).cloned())
    }

    fn start(&mut self, id: &StepId) {
        let step = self.steps[id].clone();
        self.walk.start(id);
        self.context
            .sink
            .send(Event::StepStarted { step: id.clone() });
        if step.kind == StepKind::Barrier {
            self.finish(id, StepEnd::from(Outcome::Done { generation: None }), None);
            return;
        }
        let (context, stage, kind) = (Arc::clone(&self.context), SharedStage::default(), step.kind);
        let (shared, lane) = (Arc::clone(&stage), Lane::of(&step, &context.limits));
        *self.running_in.entry(lane).or_default() += 1;
        let task = self.running.spawn(async move {
            let mut log = StepLog::new(&step.id, &context.folder, &context.sink);
            let end = perform(&context, &step, &shared, &mut log).await;
            (step.id, end, log.path())
        });
        self.tasks.insert(task.id(), id.clone());
        let started = Started {
            kind,
            lane,
            stage,
            task,
        };
        self.started.insert(id.clone(), started);
    }

    /// Notes that a step does not run any more.
    fn take_started(&mut self, id: &StepId) -> Option<Started> {
        let started = self.started.remove(id)?;
        let running = self.running_in.entry(started.lane).or_default();
        *running = running.saturating_sub(1);
        Some(started)
    }

    fn finish(&mut self, id: &StepId, end: StepEnd, log: Option<String>) {
        self.take_started(id);
        let StepEnd { outcome, tail } = end;
        let tail = if outcome.succeeded() {
            Vec::new()
        } else {
            tail
        };
        let sink = self.context.sink.clone();
        sink.send(Event::StepFinished {
            step: id.clone(),
            outcome: outcome.clone(),
            tail,
            log,
        });
        let stops = self.stops(id, &outcome);
        for (step, outcome) in self.walk.finish(id, outcome) {
            sink.send(Event::StepFinished {
                step,
                outcome,
                tail: Vec::new(),
                log: None,
            });
        }
        if stops {
            self.stopped_by = Some(id.clone());
            self.skip_rest(id);
        }
    }

    /// Returns whether this end is the first after which nothing more is started.
    fn stops(&self, id: &StepId, outcome: &Outcome) -> bool {
        let concerns_a_node = matches!(self.steps[id].kind, StepKind::Copy | StepKind::Activate);
        let failed = !outcome.succeeded()
            && !matches!(
                outcome,
                Outcome::Degraded { .. } | Outcome::Skipped { .. } | Outcome::Cancelled { .. }
            );
        self.context.policy.on_failure != OnFailure::GoOn
            && self.stopped_by.is_none()
            && concerns_a_node
            && failed
    }

    fn skip_rest(&mut self, cause: &StepId) {
        for id in self.walk.pending() {
            if self.walk.outcome(&id).is_none() {
                let cause = cause.clone();
                self.finish(&id, StepEnd::from(Outcome::Skipped { cause }), None);
            }
        }
    }

    /// A task that was aborted, or that met a bug, must not leave its step open.
    fn finish_broken(&mut self, error: &tokio::task::JoinError) {
        let Some(id) = self.tasks.remove(&error.id()) else {
            return;
        };
        if self.walk.outcome(&id).is_none() {
            let message = format!("an error inside of deploy: {error}");
            self.finish(&id, StepEnd::from(Outcome::Broken { message }), None);
        }
    }

    /// First: nothing new starts, copies and builds end, activations are waited for. Second: they
    /// are not waited for any more.
    fn interrupt(&mut self) {
        self.interrupts += 1;
        let abandoned = self.interrupts > 1;
        self.context.sink.send(Event::Interrupted { abandoned });
        let stopped: Vec<StepId> = self
            .started
            .iter()
            .filter(|(_, started)| abandoned || started.kind != StepKind::Activate)
            .map(|(id, _)| id.clone())
            .collect();
        for id in stopped {
            let Some(started) = self.take_started(&id) else {
                continue;
            };
            started.task.abort();
            let message = self.abandoned_message(&id, &started);
            self.finish(&id, StepEnd::from(Outcome::Cancelled { message }), None);
        }
        for id in self.walk.pending() {
            if self.walk.outcome(&id).is_none() {
                let outcome = Outcome::Cancelled {
                    message: "it was not started".to_owned(),
                };
                self.finish(&id, StepEnd::from(outcome), None);
            }
        }
    }

    fn abandoned_message(&self, id: &StepId, started: &Started) -> String {
        let stage = started
            .stage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let step = &self.steps[id];
        let planned = step.node.as_ref().zip(step.profile.as_ref());
        let settings = planned
            .and_then(|(node, profile)| self.context.plan.profile(node, profile))
            .map(|p| &p.settings);
        match (started.kind, stage, settings) {
            (StepKind::Activate, ..) if self.context.activations == Activations::Dry => {
                "it was not waited for; a dry activation changes nothing".to_owned()
            }
            (StepKind::Activate, Some(Stage::Waiting { seconds }), _) => {
                format!("activated, but not confirmed: it goes back by itself within {seconds} s")
            }
            (StepKind::Activate, Some(Stage::Confirmed), _) => {
                "activated and confirmed: it stays".to_owned()
            }
            (StepKind::Activate, Some(_), Some(settings)) if settings.magic_rollback => format!(
                "the activation goes on; unconfirmed, it goes back by itself {} s after it has ended",
                settings.confirm_timeout
            ),
            (StepKind::Activate, Some(_), _) => {
                "the activation goes on and stays, since magicRollback is off".to_owned()
            }
            (StepKind::Build, ..) if step.node.is_some() => {
                "it was not waited for; the node may go on building, and nothing was activated by it"
                    .to_owned()
            }
            (StepKind::Activate, None, _) => "it may not have been started".to_owned(),
            _ => "it was stopped; nothing was activated by it".to_owned(),
        }
    }
}

async fn perform<H: Host>(
    context: &RunContext<H>,
    step: &PlannedStep,
    stage: &SharedStage,
    log: &mut StepLog,
) -> StepEnd {
    let planned = step
        .node
        .as_ref()
        .zip(step.profile.as_ref())
        .and_then(|(node, name)| context.plan.profile(node, name));
    match (step.kind, &step.node, planned) {
        (StepKind::Build, Some(node), _) => node_build::run(context, step, node, log).await,
        (StepKind::Build, None, _) => build::run(context, step, log).await,
        (StepKind::Copy, Some(node), _) => copy::run(context, node, log).await,
        (StepKind::Activate, _, Some(profile)) => match context.activations {
            Activations::Dry => dry_activate::run(context, profile, log).await,
            Activations::Real => activate::run(context, &step.id, profile, stage, log).await,
        },
        (StepKind::Barrier, ..) => StepEnd::from(Outcome::Done { generation: None }),
        (StepKind::Copy | StepKind::Activate, ..) => StepEnd::from(Outcome::Failed {
            message: "the plan does not say what this step is for".to_owned(),
        }),
    }
}
