//! An activation up to the point from which it can change something: looks, checks, records.

use std::path::Path;

use super::commit::current_system;
use super::decision::{Decision, decide};
use super::error::AgentError;
use super::fault;
use super::folder::sync_file_system;
use super::identity::identify;
use super::journal;
use super::machine::Policy;
use super::nix;
use super::profile::Snapshot;
use super::program::Program;
use super::recovery::recover;
use super::reserve;
use super::work::{Context, Work};
use crate::model::OnDegraded;
use crate::protocol::{
    ActivationRequest, ActivationResult, AgentMessage, JOURNAL_VERSION, Journal, Order, Phase,
    Previous,
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
    let policy = Policy {
        sets_profile,
        order: work.journal.order,
        auto_rollback: request.auto_rollback,
        magic_rollback: request.magic_rollback && !request.next_boot,
        keeps_degraded: request.on_degraded == OnDegraded::Keep,
    };
    Ok(work.carry_out(request, policy).await)
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
    let missing = || AgentError::MissingTarget {
        target: target.clone(),
    };
    if !Path::new(target.as_str()).exists() {
        return Err(missing());
    }
    let program = Program::of(Path::new(target.as_str()));
    let program = program.ok_or_else(|| AgentError::NoActivation {
        target: target.clone(),
    })?;
    let file = |error| AgentError::file("write the journal in", context.folder.path())(error);
    let order = order(request, program)?;
    // Setting the profile checks it, too, where that is what changes something first.
    let is_checked = sets_profile && order != Order::ConfirmFirst;
    let checked = std::slice::from_ref(target);
    if !is_checked
        && !nix::invalid(&context.environment, checked)
            .await?
            .is_empty()
    {
        return Err(missing());
    }
    reserve::set_aside(&context.folder).map_err(file)?;
    // What a person or an earlier run has done a moment ago is what this run goes back to: a power
    // cut must not take it from under the journal that names it.
    sync_file_system(Path::new(request.profile_path.parent())).map_err(AgentError::file(
        "sync the folder",
        Path::new(request.profile_path.parent()),
    ))?;
    let journal = first_journal(request, found, sets_profile, order);
    let work = Work::begin(context, journal).map_err(file)?;
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

fn order(request: &ActivationRequest, program: Program) -> Result<Order, AgentError> {
    match request.next_boot {
        false => Ok(program.order()),
        true if program.prepares_boot() => Ok(Order::NextBoot),
        true => Err(AgentError::NoBoot {
            target: request.target.clone(),
        }),
    }
}

fn first_journal(
    request: &ActivationRequest,
    found: Snapshot,
    sets_profile: bool,
    order: Order,
) -> Journal {
    let generation = if sets_profile {
        Some(
            request
                .generation
                .unwrap_or_else(|| found.generation_for(&request.target)),
        )
    } else {
        found.state.generation()
    };
    Journal {
        format_version: JOURNAL_VERSION,
        run: request.run.clone(),
        operator: request.operator.clone(),
        profile_path: request.profile_path.clone(),
        previous: Previous {
            link: found.link,
            state: found.state,
            generations: found.generations.into_keys().collect(),
            current_system: current_system(),
        },
        target: request.target.clone(),
        generation,
        sets_profile,
        order,
        phase: Phase::Prepared,
        agent: identify(std::process::id()),
        activation: None,
        deadline: None,
        boot_id: None,
        failure: None,
        activated: false,
        wrote_boot_entry: false,
        degraded: false,
        rebooted: false,
        confirm_folder: None,
        canary: None,
        activation_timeout: request.activation_timeout,
    }
}
