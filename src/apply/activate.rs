//! The activation step: start the agent, follow it, confirm, and learn how it ended.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, timeout_at};

use super::agent_call::{agent_of, check_protocol};
use super::confirm::confirm;
use super::context::RunContext;
use super::event::{Event, Stage};
use super::result::outcome_of;
use super::step_end::StepEnd;
use super::step_log::StepLog;
use crate::host::{AgentCall, Host, HostError};
use crate::plan::{Action, PlannedProfile, StepId};
use crate::protocol::{
    ActivationRequest, ActivationResult, AgentCommand, AgentMessage, PROTOCOL_VERSION, Phase,
    parse_line,
};
use crate::schedule::Outcome;

/// How long after its deadline an activation may take to go back and say so.
const ROLLBACK_GRACE: Duration = Duration::from_secs(15);
/// How long a lost activation without a time limit is looked for.
const LOST_WITHOUT_LIMIT: Duration = Duration::from_secs(240);
/// The pause between two tries to find it again.
const PAUSE: Duration = Duration::from_millis(500);

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
    let call = match call_of(context, profile).await {
        Ok(call) => call,
        Err(message) => return StepEnd::from(Outcome::Failed { message }),
    };
    let mut follower = Follower {
        context,
        step,
        profile,
        stage,
        log,
        call,
        greeted: false,
        waiting_until: None,
        unconfirmed: Arc::default(),
        result: None,
    };
    let error = follower.follow_start().await;
    // A connection that was lost before the agent's first line may have started it all the same.
    let may_run = follower.greeted || error.as_ref().is_some_and(HostError::is_unreachable);
    if follower.result.is_none() && may_run {
        follower.find_again().await;
    }
    match follower.result.take() {
        Some(result) => StepEnd {
            outcome: outcome_of(&result, profile, follower.unconfirmed().as_deref()),
            tail: log.tail(),
        },
        None => StepEnd {
            outcome: follower.lost(error),
            tail: log.tail(),
        },
    }
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

struct Follower<'a, H> {
    context: &'a RunContext<H>,
    step: &'a StepId,
    profile: &'a PlannedProfile,
    stage: &'a SharedStage,
    log: &'a mut StepLog,
    call: AgentCall,
    greeted: bool,
    waiting_until: Option<Instant>,
    /// Why confirming was in vain.
    unconfirmed: Arc<Mutex<Option<String>>>,
    result: Option<ActivationResult>,
}

impl<H: Host> Follower<'_, H> {
    async fn follow_start(&mut self) -> Option<HostError> {
        let call = self.call.clone();
        let host = &self.context.host;
        let (sender, lines) = unbounded_channel();
        let mut on_line = move |line: &str| {
            sender.send(line.to_owned()).ok();
        };
        let talk = host.call(&call, &mut on_line);
        self.listen(talk, lines).await
    }

    /// Handles messages while `talk` runs, and confirms when that is asked for.
    async fn listen(
        &mut self,
        talk: impl Future<Output = Result<(), HostError>>,
        mut lines: UnboundedReceiver<String>,
    ) -> Option<HostError> {
        let (host, activation) = (&self.context.host, self.call.clone());
        let unconfirmed = Arc::clone(&self.unconfirmed);
        let keep = |failure| {
            *unconfirmed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        };
        let confirming = async |deadline: Option<Instant>| match deadline {
            Some(deadline) => confirm(host, &activation, deadline, keep).await,
            None => std::future::pending().await,
        };
        let mut confirmation = Box::pin(confirming(self.waiting_until));
        let mut confirmed = false;
        tokio::pin!(talk);
        loop {
            let was_waiting = self.waiting_until.is_some();
            tokio::select! {
                biased;
                Some(line) = lines.recv() => {
                    self.handle(&line);
                    if self.waiting_until.is_some() && !was_waiting {
                        confirmation = Box::pin(confirming(self.waiting_until));
                    }
                }
                result = &mut talk => {
                    while let Ok(line) = lines.try_recv() {
                        self.handle(&line);
                    }
                    return result.err();
                }
                () = &mut confirmation, if !confirmed => confirmed = true,
                () = self.given_up() => return None,
            }
        }
    }

    /// Ends when an activation that should have gone back by now is still silent.
    fn given_up(&self) -> impl Future<Output = ()> + use<H> {
        let until = self.waiting_until;
        async move {
            match until {
                Some(until) => tokio::time::sleep_until(until + ROLLBACK_GRACE).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Follows an activation whose connection was lost, over new ones, until it must have ended.
    async fn find_again(&mut self) {
        let AgentCommand::Start(request) = &self.call.command else {
            return;
        };
        let (run, profile_path) = (request.run.clone(), request.profile_path.clone());
        let limit = match request.activation_timeout {
            _ if !self.greeted => Duration::ZERO,
            Some(seconds) => Duration::from_secs(seconds),
            None => LOST_WITHOUT_LIMIT,
        };
        let window = limit + Duration::from_secs(request.confirm_timeout) + ROLLBACK_GRACE;
        let attach = AgentCall {
            command: AgentCommand::Attach { run, profile_path },
            ..self.call.clone()
        };
        self.enter(Stage::Reconnecting);
        let lost_at = Instant::now();
        while self.result.is_none() {
            let deadline = self
                .waiting_until
                .map_or(lost_at + window, |until| until + ROLLBACK_GRACE);
            let host = &self.context.host;
            let (sender, lines) = unbounded_channel();
            let mut on_line = move |line: &str| {
                sender.send(line.to_owned()).ok();
            };
            let talk = host.call(&attach, &mut on_line);
            if timeout_at(deadline, self.listen(talk, lines))
                .await
                .is_err()
                || Instant::now() >= deadline
            {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    fn handle(&mut self, line: &str) {
        // A login may print text of its own before the agent's first line.
        let Ok(message) = parse_line::<AgentMessage>(line) else {
            return;
        };
        match message {
            AgentMessage::Hello { protocol, .. } => {
                self.greeted = true;
                if let Err(error) = check_protocol(protocol) {
                    self.log.line(&error.to_string());
                }
            }
            AgentMessage::Recovered {
                operator, recovery, ..
            } => {
                let detail = super::result::describe_recovery(&operator, recovery);
                self.enter(Stage::Recovered { detail });
            }
            AgentMessage::Phase { phase } => {
                if let Some(stage) = stage_of(phase) {
                    self.enter(stage);
                }
            }
            AgentMessage::Output { text } => self.log.line(&text),
            AgentMessage::Waiting { seconds } => {
                if self.waiting_until.is_none() {
                    self.waiting_until = Some(Instant::now() + Duration::from_secs(seconds));
                }
                self.enter(Stage::Waiting { seconds });
            }
            AgentMessage::Result { result } => self.result = Some(result),
        }
    }

    fn enter(&mut self, stage: Stage) {
        let mut shared = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.as_ref() == Some(&stage) {
            return;
        }
        *shared = Some(stage.clone());
        drop(shared);
        self.context.sink.send(Event::StepStaged {
            step: self.step.clone(),
            stage,
        });
    }

    fn unconfirmed(&self) -> Option<String> {
        let unconfirmed = self.unconfirmed.lock();
        unconfirmed.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the outcome of an activation that was not heard of any more.
    fn lost(&self, error: Option<HostError>) -> Outcome {
        let unreachable = error.as_ref().is_none_or(HostError::is_unreachable);
        let said = error.map_or_else(
            || "the node no longer answers".to_owned(),
            |error| error.to_string(),
        );
        if !self.greeted && !unreachable {
            return Outcome::Failed {
                message: format!("the agent did not start: {said}; nothing was changed"),
            };
        }
        let seconds = self.profile.settings.confirm_timeout;
        let future = if !self.greeted {
            "it is not known whether the agent was started".to_owned()
        } else if self.profile.settings.magic_rollback {
            format!(
                "it goes back by itself {seconds} s after its activation, since it was not confirmed"
            )
        } else {
            "it stays as the activation leaves it, since magicRollback is off".to_owned()
        };
        Outcome::Unreachable {
            message: format!("{said}; {future}"),
        }
    }
}

fn stage_of(phase: Phase) -> Option<Stage> {
    match phase {
        Phase::Setting => Some(Stage::Setting),
        Phase::Activating => Some(Stage::Activating),
        Phase::Committing | Phase::Confirmed => Some(Stage::Confirmed),
        Phase::RollingBack => Some(Stage::RollingBack),
        Phase::Prepared
        | Phase::Waiting
        | Phase::RolledBack
        | Phase::LeftFailed
        | Phase::RollbackFailed => None,
    }
}
