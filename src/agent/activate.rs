//! An activation from the first look at the profile to its result.

use std::path::Path;
use std::time::Duration;

use super::clock;
use super::confirmation::{self, Confirmation};
use super::decision::{Decision, decide};
use super::error::AgentError;
use super::fault;
use super::folder::sync_file_system;
use super::identity::identify;
use super::journal;
use super::machine::{Fact, Policy, next};
use super::nix;
use super::profile::{Snapshot, read_state};
use super::program::Program;
use super::recovery::recover;
use super::rollback_plan::Moment;
use super::work::{Context, Work};
use crate::model::ProfileState;
use crate::protocol::{
    ActivationRequest, ActivationResult, AgentMessage, FailureReason, JOURNAL_VERSION, Journal,
    Phase, Previous,
};

/// Does what the request says. The profile's lock must be held.
///
/// # Errors
/// Only where nothing was changed.
pub(super) async fn activate(
    context: &Context,
    request: &ActivationRequest,
) -> Result<ActivationResult, AgentError> {
    recover(context).await?;
    fault::point("recovered");
    let found = Snapshot::read(&request.profile_path).map_err(|source| AgentError::Profile {
        path: request.profile_path.clone(),
        source,
    })?;
    let reactivate = request.reactivate || was_left_failed(context, request)?;
    let decision = decide(
        &request.expected,
        &found.state,
        &request.target,
        request.generation,
        reactivate,
    );
    let sets_profile = match decision {
        Decision::AlreadyDone => return Ok(ActivationResult::AlreadyDone { state: found.state }),
        Decision::Stale => return Ok(ActivationResult::Stale { found: found.state }),
        Decision::Set => true,
        Decision::Reactivate => false,
    };
    check_generation(request, &found)?;
    let mut work = prepare(context, request, found, sets_profile).await?;
    let mut activation = Activation {
        policy: Policy {
            sets_profile,
            auto_rollback: request.auto_rollback,
            magic_rollback: request.magic_rollback,
        },
        work: &mut work,
    };
    match activation.go(request).await {
        Ok(()) => Ok(activation.confirmed()),
        Err((fact, reason)) => activation.undo(fact, reason).await,
    }
}

/// A link at the target does not mean that the target is active, where its activation has failed
/// and was left so.
fn was_left_failed(context: &Context, request: &ActivationRequest) -> Result<bool, AgentError> {
    let last = journal::load(&context.folder)?;
    Ok(last.is_some_and(|last| {
        last.target == request.target
            && matches!(last.phase, Phase::LeftFailed | Phase::RollbackFailed)
    }))
}

/// The number alone could be another path's by now: Nix gives numbers again.
fn check_generation(request: &ActivationRequest, found: &Snapshot) -> Result<(), AgentError> {
    let Some(generation) = request.generation else {
        return Ok(());
    };
    let path = found.generations.get(&generation).map(String::as_str);
    if path == Some(request.target.as_str()) {
        return Ok(());
    }
    Err(AgentError::NoGeneration {
        profile: request.profile_path.clone(),
        generation,
        target: request.target.clone(),
    })
}

/// Checks everything that can be checked before, and records what there is.
async fn prepare<'a>(
    context: &'a Context,
    request: &ActivationRequest,
    found: Snapshot,
    sets_profile: bool,
) -> Result<Work<'a>, AgentError> {
    let target = &request.target;
    let invalid = nix::invalid(&context.environment, std::slice::from_ref(target)).await?;
    if !invalid.is_empty() || !Path::new(target.as_str()).exists() {
        return Err(AgentError::MissingTarget {
            target: target.clone(),
        });
    }
    if Program::of(Path::new(target.as_str())).is_none() {
        return Err(AgentError::NoActivation {
            target: target.clone(),
        });
    }
    let file = |error| AgentError::file("write the journal in", context.folder.path())(error);
    journal::reserve(&context.folder).map_err(file)?;
    let work = Work::begin(context, first_journal(request, found, sets_profile)).map_err(file)?;
    if let Err(error) = work.add_roots() {
        // The plan has its own root for the target; this one is for what comes without a plan.
        work.note(&format!(
            "cannot keep the target from garbage collection: {error}"
        ));
    }
    let phase = Phase::Prepared;
    context.events.emit(AgentMessage::Phase { phase });
    fault::point("prepared");
    Ok(work)
}

fn first_journal(request: &ActivationRequest, found: Snapshot, sets_profile: bool) -> Journal {
    let generation = if sets_profile {
        Some(
            request
                .generation
                .unwrap_or_else(|| found.generation_for(&request.target)),
        )
    } else {
        found.state.generation()
    };
    let current_system = std::fs::canonicalize("/run/current-system").ok();
    Journal {
        format_version: JOURNAL_VERSION,
        run: request.run.clone(),
        operator: request.operator.clone(),
        profile_path: request.profile_path.clone(),
        previous: Previous {
            link: found.link,
            state: found.state,
            generations: found.generations.into_keys().collect(),
            current_system: current_system
                .and_then(|path| path.into_os_string().into_string().ok()),
        },
        target: request.target.clone(),
        generation,
        sets_profile,
        phase: Phase::Prepared,
        agent: identify(std::process::id()),
        activation: None,
        deadline: None,
        boot_id: None,
        failure: None,
        activated: false,
        confirm_folder: None,
        activation_timeout: request.activation_timeout,
    }
}

/// What went wrong, and what that means.
type Setback = (Fact, FailureReason);

struct Activation<'a, 'b> {
    policy: Policy,
    work: &'a mut Work<'b>,
}

impl Activation<'_, '_> {
    async fn go(&mut self, request: &ActivationRequest) -> Result<(), Setback> {
        if self.policy.sets_profile {
            self.set_profile(request).await?;
        }
        fault::point("set");
        let location = self.work.journal.profile_path.to_string();
        let phase = self.after(Fact::Succeeded)?;
        match self.work.activate(Path::new(&location), phase).await {
            Ok(true) => {}
            Ok(false) => return Err(failed("its activation program is gone")),
            Err(reason) => return Err((Fact::Failed, reason)),
        }
        fault::point("activated");
        let profiles = Path::new(self.work.journal.profile_path.parent());
        sync_file_system(profiles)
            .map_err(|error| unconfirmed(format!("cannot sync {}: {error}", profiles.display())))?;
        if self.policy.magic_rollback {
            self.await_confirmation(request).await?;
        }
        let phase = self.after(Fact::Succeeded)?;
        let mut journal = self.work.journal.clone();
        journal.phase = phase;
        journal.activation = None;
        self.work
            .record(journal)
            .map_err(|reason| (Fact::Failed, reason))
    }

    async fn set_profile(&mut self, request: &ActivationRequest) -> Result<(), Setback> {
        let phase = self.after(Fact::Succeeded)?;
        let work = &mut *self.work;
        let begin = work.log_length();
        let environment = &work.context.environment;
        let profile = &work.journal.profile_path;
        let call = match request.generation {
            Some(number) => nix::switch(environment, profile, number),
            None => nix::set(environment, profile, &work.journal.target),
        };
        let ended = work.run(call, Some(nix::TIME_LIMIT), phase).await;
        let set = |detail: String| (Fact::Failed, FailureReason::SetProfile { detail });
        match ended.map(super::work::Ended::failure) {
            Ok(None) => {}
            Ok(Some(reason)) => {
                let said = work.printed_since(begin);
                let how = reason.to_string().replace("the activation", "nix-env");
                return Err(set(if said.is_empty() {
                    how
                } else {
                    format!("{how}: {said}")
                }));
            }
            Err(FailureReason::NotStarted { detail }) => return Err(set(detail)),
            Err(reason) => return Err((Fact::Failed, reason)),
        }
        let state = read_state(&work.journal.profile_path);
        if state.path() != Some(&work.journal.target) {
            return Err(set(
                "nix-env succeeded, but the link is not at the target".into()
            ));
        }
        // Another number than expected: somebody made a generation between our look and Nix's.
        work.journal.generation = state.generation();
        Ok(())
    }

    async fn await_confirmation(&mut self, request: &ActivationRequest) -> Result<(), Setback> {
        let phase = self.after(Fact::Succeeded)?;
        let seconds = request.confirm_timeout;
        let folder = &self.work.context.folder;
        let mut confirmation =
            Confirmation::prepare(folder, &request.run, request.temp_path.as_ref())
                .map_err(|error| unconfirmed(format!("cannot await a confirmation: {error}")))?;
        let mut journal = self.work.journal.clone();
        journal.phase = phase;
        journal.activation = None;
        journal.confirm_folder = Some(confirmation.folder().clone());
        journal.deadline = Some(clock::seconds_since_epoch().saturating_add(seconds));
        if let Err(reason) = self.work.record(journal) {
            confirmation::remove(confirmation.folder());
            return Err((Fact::Unconfirmed, reason));
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

    fn after(&self, fact: Fact) -> Result<Phase, Setback> {
        let phase = self.work.journal.phase;
        next(phase, fact, self.policy).ok_or_else(|| failed(&format!("nothing follows {phase}")))
    }

    fn confirmed(&mut self) -> ActivationResult {
        if let Some(folder) = &self.work.journal.confirm_folder {
            confirmation::remove(folder);
        }
        self.work.remove_roots();
        ActivationResult::Done {
            state: self.state(),
        }
    }

    async fn undo(
        &mut self,
        fact: Fact,
        reason: FailureReason,
    ) -> Result<ActivationResult, AgentError> {
        let phase = next(self.work.journal.phase, fact, self.policy);
        match phase.unwrap_or(Phase::RollingBack) {
            Phase::RolledBack => {
                self.work.journal.failure = Some(reason.clone());
                self.work.enter_anyway(Phase::RolledBack);
                self.work.remove_roots();
                let reason = format!("{reason}; nothing was changed");
                Ok(ActivationResult::NotStarted { reason })
            }
            Phase::LeftFailed => {
                self.work.journal.failure = Some(reason.clone());
                self.work.journal.activation = None;
                self.work.enter_anyway(Phase::LeftFailed);
                self.work.remove_roots();
                let state = self.state();
                Ok(ActivationResult::LeftFailed { reason, state })
            }
            _ => Ok(self.work.roll_back(reason, Moment::AtOnce).await),
        }
    }

    fn state(&self) -> ProfileState {
        read_state(&self.work.journal.profile_path)
    }
}

fn failed(detail: &str) -> Setback {
    let detail = detail.to_owned();
    (Fact::Failed, FailureReason::Agent { detail })
}

fn unconfirmed(detail: String) -> Setback {
    (Fact::Unconfirmed, FailureReason::Agent { detail })
}
