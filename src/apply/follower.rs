//! Following an activation to its end, over new connections where one is lost.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::activate::{SharedStage, enter};
use super::agent_call::check_protocol;
use super::confirm::{Answered, confirm};
use super::context::RunContext;
use super::event::Stage;
use super::known::Known;
use super::result::describe_recovery;
use super::step_log::StepLog;
use crate::host::{AgentCall, Host, HostError};
use crate::model::Connection;
use crate::plan::{PlannedProfile, StepId};
use crate::protocol::{ActivationResult, AgentCommand, AgentMessage, Phase, parse_line};
use crate::schedule::Outcome;

/// How long one way to a node is tried where there is another.
const WAY_LIMIT: Duration = Duration::from_secs(5);
/// The pause between two tries to find it again.
const PAUSE: Duration = Duration::from_millis(500);

type Confirmation<'a> = Pin<Box<dyn Future<Output = Option<Answered>> + Send + 'a>>;

/// What is known of an activation while it is followed.
pub(super) struct Follower<'a, H> {
    context: &'a RunContext<H>,
    step: &'a StepId,
    profile: &'a PlannedProfile,
    stage: &'a SharedStage,
    log: &'a mut StepLog,
    call: AgentCall,
    /// Whether the agent has said anything over the connection of the moment.
    heard: bool,
    known: Known,
    /// Outlives connections: it must not begin anew whenever one of them is lost.
    confirmation: Option<Confirmation<'a>>,
    /// Why confirming was in vain.
    unconfirmed: Arc<Mutex<Option<String>>>,
    result: Option<ActivationResult>,
}

/// How following an activation ended.
pub(super) struct Followed {
    /// The agent's result, or what is to be said where it is not known.
    pub(super) result: Result<ActivationResult, Outcome>,
    /// Why confirming was in vain, if that is known.
    pub(super) unconfirmed: Option<String>,
}

impl<'a, H: Host> Follower<'a, H> {
    /// Returns the follower of the activation that `call` starts.
    pub(super) fn new(
        context: &'a RunContext<H>,
        (step, profile): (&'a StepId, &'a PlannedProfile),
        stage: &'a SharedStage,
        log: &'a mut StepLog,
        call: AgentCall,
    ) -> Self {
        Self {
            context,
            step,
            profile,
            stage,
            log,
            call,
            heard: false,
            known: Known::default(),
            confirmation: None,
            unconfirmed: Arc::default(),
            result: None,
        }
    }

    /// Starts the activation and follows it.
    pub(super) async fn follow(mut self) -> Followed {
        let call = self.call.clone();
        let error = self.talk(&call, None).await;
        // A connection that was lost before the agent's first line may have started it all the same.
        let may_run = self.known.greeted || error.as_ref().is_some_and(HostError::is_unreachable);
        if self.result.is_none() && may_run {
            self.find_again().await;
        }
        let unconfirmed = self.unconfirmed.lock();
        let unconfirmed = unconfirmed.unwrap_or_else(PoisonError::into_inner).clone();
        Followed {
            result: self.result.take().ok_or_else(|| self.lost(error)),
            unconfirmed,
        }
    }

    /// Calls the agent and handles what it says, until the call ends or the activation should have
    /// been heard of. `patience` is how long the agent may take to say anything at all.
    async fn talk(&mut self, call: &AgentCall, patience: Option<Instant>) -> Option<HostError> {
        let host = &self.context.host;
        let (sender, lines) = unbounded_channel();
        let mut on_line = move |line: &str| {
            sender.send(line.to_owned()).ok();
        };
        self.heard = false;
        let over = call.connection.clone();
        let talk = host.call(call, &mut on_line);
        self.listen(talk, lines, (&over, patience)).await
    }

    async fn listen(
        &mut self,
        talk: impl Future<Output = Result<(), HostError>>,
        mut lines: UnboundedReceiver<String>,
        (over, patience): (&Connection, Option<Instant>),
    ) -> Option<HostError> {
        tokio::pin!(talk);
        loop {
            let silent = patience.filter(|_| !self.heard);
            let given_up = self.known.given_up_at();
            tokio::select! {
                biased;
                Some(line) = lines.recv() => self.handle(&line),
                result = &mut talk => {
                    while let Ok(line) = lines.try_recv() {
                        self.handle(&line);
                    }
                    return result.err();
                }
                answered = confirmed(&mut self.confirmation) => {
                    self.take_answer(answered);
                    // The node answers elsewhere: that way the end is heard of.
                    let elsewhere = |answered: &Answered| answered.over != *over;
                    if !self.heard && self.known.answered.as_ref().is_some_and(elsewhere) {
                        return None;
                    }
                }
                () = until(silent) => return None,
                () = until(given_up) => return None,
            }
        }
    }

    fn take_answer(&mut self, answered: Option<Answered>) {
        self.confirmation = None;
        self.known.answered = answered.or(self.known.answered.take());
    }

    /// Follows an activation whose connection was lost, over new ones, until it must have ended or
    /// nothing was heard of it for as long as it would wait for its confirmation.
    async fn find_again(&mut self) {
        let AgentCommand::Start(request) = &self.call.command else {
            return;
        };
        let (run, profile_path) = (request.run.clone(), request.profile_path.clone());
        let attach = AgentCall {
            command: AgentCommand::Attach { run, profile_path },
            ..self.call.clone()
        };
        self.enter(Stage::Reconnecting);
        let mut lost_at = Instant::now();
        for turn in 0_usize.. {
            let deadline = self.lost_deadline(lost_at);
            let (connection, patience) = self.way(turn);
            let call = AgentCall {
                connection,
                ..attach.clone()
            };
            let talk = self.talk(&call, patience);
            let in_time = timeout_at(deadline, talk).await.is_ok();
            if self.heard {
                lost_at = Instant::now();
            }
            let is_over = !in_time || Instant::now() >= self.lost_deadline(lost_at);
            if self.result.is_some() || is_over {
                return;
            }
            self.pause().await;
        }
    }

    /// Returns the way to be tried now, and how long, where there is another.
    fn way(&self, turn: usize) -> (Connection, Option<Instant>) {
        let own = &self.call.connection;
        let other = self.profile.settings.confirm_connection.as_ref();
        match (&self.known.answered, other) {
            (Some(answered), _) => (answered.over.clone(), None),
            (None, None) => (own.clone(), None),
            (None, Some(other)) => {
                let way = if turn.is_multiple_of(2) { own } else { other };
                (way.clone(), Some(Instant::now() + WAY_LIMIT))
            }
        }
    }

    fn lost_deadline(&self, lost_at: Instant) -> Instant {
        let settings = &self.profile.settings;
        self.known.lost_deadline(lost_at, settings)
    }

    async fn pause(&mut self) {
        let end = sleep(PAUSE);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                answered = confirmed(&mut self.confirmation) => self.take_answer(answered),
            }
        }
    }

    fn handle(&mut self, line: &str) {
        // A login may print text of its own before the agent's first line.
        let Ok(message) = parse_line::<AgentMessage>(line) else {
            return;
        };
        self.heard = true;
        if let Some(deadline) = self.known.note(&message) {
            self.confirmation = Some(self.confirm_until(deadline));
        }
        match message {
            AgentMessage::Hello { protocol, .. } => {
                if let Err(error) = check_protocol(protocol) {
                    self.log.line(&error.to_string());
                }
            }
            AgentMessage::Recovered {
                operator, recovery, ..
            } => {
                let detail = describe_recovery(&operator, recovery);
                self.enter(Stage::Recovered { detail });
            }
            AgentMessage::Phase { phase } => {
                if let Some(stage) = stage_of(phase) {
                    self.enter(stage);
                }
            }
            AgentMessage::Output { text } => self.log.line(&text),
            AgentMessage::Waiting { seconds } => self.enter(Stage::Waiting { seconds }),
            AgentMessage::Result { result } => self.result = Some(result),
        }
    }

    fn confirm_until(&self, deadline: Instant) -> Confirmation<'a> {
        let (context, profile) = (self.context, self.profile);
        let (activation, unconfirmed) = (self.call.clone(), Arc::clone(&self.unconfirmed));
        Box::pin(async move {
            let keep = |failure| {
                *unconfirmed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            };
            let other = profile.settings.confirm_connection.as_ref();
            confirm(&context.host, &activation, other, deadline, keep).await
        })
    }

    fn enter(&mut self, stage: Stage) {
        enter(self.context, self.step, self.stage, stage);
    }

    /// Returns the outcome of an activation that was not heard of any more.
    fn lost(&self, error: Option<HostError>) -> Outcome {
        let unreachable = error.as_ref().is_none_or(HostError::is_unreachable);
        let said = error.map_or_else(
            || "the node no longer answers".to_owned(),
            |error| error.to_string(),
        );
        if !self.known.greeted && !unreachable {
            return Outcome::Failed {
                message: format!("the agent did not start: {said}; nothing was changed"),
            };
        }
        Outcome::Unreachable {
            message: format!("{said}; {}", self.known.future(&self.profile.settings)),
        }
    }
}

async fn confirmed(confirmation: &mut Option<Confirmation<'_>>) -> Option<Answered> {
    match confirmation {
        Some(confirmation) => confirmation.await,
        None => std::future::pending().await,
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
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
