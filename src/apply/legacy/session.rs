//! One activation through deploy-rs's agent.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::super::activate::{SharedStage, enter};
use super::super::context::RunContext;
use super::super::event::Stage;
use super::super::result::describe as describe_state;
use super::super::step_end::StepEnd;
use super::super::step_log::StepLog;
use super::choice::dialect;
use super::look::{Link, describe, is_as_planned, look};
use super::words::{Dialect, LegacyAgent};
use crate::host::{Host, HostError, RemoteCommand};
use crate::model::AbsolutePath;
use crate::plan::{Action, PlannedProfile, StepId};
use crate::schedule::Outcome;

/// The pause between two tries to confirm.
const PAUSE: Duration = Duration::from_millis(500);
/// Runs its arguments with both kinds of output in one.
const ALL_OUTPUT: [&str; 4] = ["sh", "-c", "exec \"$@\" 2>&1", "sh"];

/// What a step of the session is about.
struct Session<'a, H> {
    context: &'a RunContext<H>,
    step: &'a StepId,
    profile: &'a PlannedProfile,
    path: &'a AbsolutePath,
    agent: LegacyAgent<'a>,
    stage: &'a SharedStage,
}

/// Activates a profile, confirms it over a login of its own, and looks at what became of it.
pub(in crate::apply) async fn run<H: Host>(
    context: &RunContext<H>,
    (step, profile): (&StepId, &PlannedProfile),
    stage: &SharedStage,
    log: &mut StepLog,
) -> StepEnd {
    let outcome = match (
        LegacyAgent::of(profile, &context.run),
        &profile.profile_path,
    ) {
        (Ok(agent), Some(path)) => {
            let session = Session {
                context,
                step,
                profile,
                path,
                agent,
                stage,
            };
            session.run(log).await
        }
        (Err(message), _) => Outcome::Failed { message },
        (Ok(_), None) => return StepEnd::from(Outcome::Unchanged),
    };
    StepEnd {
        outcome,
        tail: log.tail(),
    }
}

impl<H: Host> Session<'_, H> {
    async fn run(&self, log: &mut StepLog) -> Outcome {
        if let Some(message) = self.agent.refusal() {
            return Outcome::Failed {
                message: format!("{message}. Nothing was changed"),
            };
        }
        match self.find().await {
            Ok(None) => {}
            Ok(Some(ended)) => return ended,
            Err(error) => return before(&error),
        }
        let dialect = match dialect(&self.context.host, self.profile, &self.agent).await {
            Ok(dialect) => dialect,
            Err(error) => return before(&error),
        };
        if let Err(error) = self.make_folder().await {
            return before(&error);
        }
        let ended = self.activate(dialect, log).await;
        let outcome = self.outcome(ended).await;
        let folder = self.agent.folder();
        let remove = self.command(
            "clean up",
            self.agent.as_user(&["rm", "-rf", "--", &folder]),
        );
        // What stays there means nothing to any other run.
        self.context
            .host
            .run_command(&remove, &mut |_| {})
            .await
            .ok();
        outcome
    }

    /// Compares the profile with the plan. Without a lock somebody can still come in between.
    async fn find(&self) -> Result<Option<Outcome>, HostError> {
        let found = look(&self.context.host, self.profile, self.path).await?;
        let is_at_target = self.is_at_target(found.as_ref());
        if is_at_target && self.profile.action != Action::Reactivate {
            return Ok(Some(Outcome::Unchanged));
        }
        let is_as_planned = is_as_planned(&self.profile.current, found.as_ref());
        Ok((!is_as_planned).then(|| Outcome::Stale {
            message: format!(
                "the profile is not what the plan saw: expected {}, found {}. Nothing was touched; plan again",
                describe_state(&self.profile.current),
                describe(found.as_ref())
            ),
        }))
    }

    /// Fails where somebody else has made it.
    async fn make_folder(&self) -> Result<(), HostError> {
        let folder = self.agent.folder();
        let words = self.agent.as_user(&["mkdir", "-m", "700", "--", &folder]);
        let command = self.command("make a folder", words);
        self.context.host.run_command(&command, &mut |_| {}).await
    }

    /// Returns why confirming was in vain, beside how the activation ended.
    async fn activate(
        &self,
        dialect: Dialect,
        log: &mut StepLog,
    ) -> (Result<(), HostError>, Option<String>) {
        self.enter(Stage::Activating);
        let mut words: Vec<String> = ALL_OUTPUT.map(str::to_owned).into();
        words.extend(self.agent.activate(dialect));
        let command = self.command("deploy-rs's activate", words);
        let mut on_line = |line: &str| log.line(line);
        let activation = self.context.host.run_command(&command, &mut on_line);
        tokio::pin!(activation);
        if !self.agent.is_confirmed() {
            return (activation.await, None);
        }
        let confirming = self.confirm(dialect);
        tokio::pin!(confirming);
        tokio::select! {
            ended = &mut activation => (ended, None),
            confirmed = &mut confirming => (activation.await, confirmed.err()),
        }
    }

    async fn confirm(&self, dialect: Dialect) -> Result<(), String> {
        let host = &self.context.host;
        let wait = self.command("deploy-rs's wait", self.agent.wait(dialect));
        let waited = host.run_command(&wait, &mut |_| {}).await;
        waited.map_err(|error| error.to_string())?;
        let seconds = self.profile.settings.confirm_timeout;
        self.enter(Stage::Waiting { seconds });
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let confirm = self.command("confirm", self.agent.confirm());
        loop {
            let tried = timeout_at(deadline, host.run_command_afresh(&confirm, &mut |_| {})).await;
            let failure = match tried {
                Ok(Ok(())) => {
                    self.enter(Stage::Confirmed);
                    return Ok(());
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "a fresh login gets no answer".to_owned(),
            };
            if Instant::now() + PAUSE >= deadline {
                return Err(failure);
            }
            sleep(PAUSE).await;
        }
    }

    async fn outcome(&self, ended: (Result<(), HostError>, Option<String>)) -> Outcome {
        let (result, unconfirmed) = ended;
        let found = look(&self.context.host, self.profile, self.path).await;
        let (error, found) = match (result, found) {
            (Ok(()), Ok(found)) if self.is_at_target(found.as_ref()) => {
                let generation = found.and_then(|link| link.generation);
                return Outcome::Done { generation };
            }
            (Ok(()), Ok(found)) => ("it ended well".to_owned(), found),
            (Err(error), Ok(found)) if !error.is_unreachable() => (error.to_string(), found),
            (Err(error), _) | (Ok(()), Err(error)) => return self.lost(&error),
        };
        let why = match unconfirmed {
            Some(unconfirmed) => format!("{error}; confirming failed: {unconfirmed}"),
            None => error,
        };
        let now = describe(found.as_ref());
        if is_as_planned(&self.profile.current, found.as_ref()) {
            return Outcome::RolledBack {
                message: format!("{why}. The profile is at {now} again"),
            };
        }
        Outcome::Broken {
            message: format!(
                "{why}. deploy-rs's agent has left the profile at {now}; before it was {}",
                describe_state(&self.profile.current)
            ),
        }
    }

    fn lost(&self, error: &HostError) -> Outcome {
        let future = if self.agent.is_confirmed() {
            "deploy-rs's agent goes back to the generation before, unless it was confirmed"
        } else {
            "deploy-rs's agent leaves it as the activation does"
        };
        Outcome::Unreachable {
            message: format!("{error}; {future}"),
        }
    }

    fn is_at_target(&self, found: Option<&Link>) -> bool {
        found.and_then(|link| link.path.as_ref()) == Some(&self.profile.target.path)
    }

    fn command(&self, title: &'static str, words: Vec<String>) -> RemoteCommand {
        RemoteCommand {
            connection: self.profile.connection.clone(),
            title,
            words,
        }
    }

    fn enter(&self, stage: Stage) {
        enter(self.context, self.step, self.stage, stage);
    }
}

fn before(error: &HostError) -> Outcome {
    if error.is_unreachable() {
        return Outcome::Unreachable {
            message: error.to_string(),
        };
    }
    Outcome::Failed {
        message: format!("{error}; nothing was changed"),
    }
}
