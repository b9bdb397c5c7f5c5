//! What the agent's result means for the run.

use crate::model::{Operator, ProfileState};
use crate::plan::PlannedProfile;
use crate::protocol::{ActivationResult, FailureReason, Holder, Recovery};
use crate::schedule::Outcome;

/// Returns the outcome that an activation's result stands for, said in full. `unconfirmed` is why
/// confirming it was in vain, if that is known.
pub(super) fn outcome_of(
    result: &ActivationResult,
    profile: &PlannedProfile,
    unconfirmed: Option<&str>,
) -> Outcome {
    let why = |reason: &FailureReason| match (reason, unconfirmed) {
        (FailureReason::NotConfirmed { .. }, Some(unconfirmed)) => {
            format!("{reason}; confirming failed: {unconfirmed}")
        }
        _ => reason.to_string(),
    };
    match result {
        ActivationResult::Done { state } => Outcome::Done {
            generation: state.generation(),
        },
        ActivationResult::Prepared { state } => Outcome::Prepared {
            generation: state.generation(),
        },
        ActivationResult::Degraded { state } => Outcome::Degraded {
            generation: state.generation(),
            message: "the target is active, but some units failed to start (status 4); it stays, \
                      since onDegraded is keep"
                .to_owned(),
        },
        ActivationResult::NeedsReboot { .. } => Outcome::NeedsReboot {
            message: "the target cannot be activated without a reboot; nothing was changed. \
                      `deploy apply --boot` makes it the one that the node boots next"
                .to_owned(),
        },
        ActivationResult::AlreadyDone { .. } => Outcome::Unchanged,
        ActivationResult::Stale { found } => Outcome::Stale {
            message: stale_message(&profile.current, found),
        },
        ActivationResult::Locked { holder } => Outcome::Locked {
            message: locked_message(holder.as_ref()),
        },
        ActivationResult::NotStarted { reason } => Outcome::Failed {
            message: reason.clone(),
        },
        ActivationResult::RolledBack { reason, .. } => Outcome::RolledBack {
            message: why(reason),
        },
        ActivationResult::LeftFailed { reason, state } => Outcome::Broken {
            message: format!(
                "{}; autoRollback is off, so the profile stays at {}",
                why(reason),
                describe(state)
            ),
        },
        ActivationResult::RollbackFailed {
            reason,
            detail,
            state,
        } => Outcome::Broken {
            message: format!(
                "{}, and going back failed: {detail}. The profile is at {} now",
                why(reason),
                describe(state)
            ),
        },
    }
}

fn locked_message(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!(
            "another run holds the lock: {} (run {}, process {})",
            holder.operator, holder.run, holder.pid
        ),
        None => "another run holds the lock".to_owned(),
    }
}

/// Returns what was expected and what was found, in one sentence.
pub(super) fn stale_message(expected: &ProfileState, found: &ProfileState) -> String {
    format!(
        "the profile is not what the plan saw: expected {}, found {}. Nothing was touched; plan again",
        describe(expected),
        describe(found)
    )
}

/// Returns a profile's state in a few words.
pub(super) fn describe(state: &ProfileState) -> String {
    match state {
        ProfileState::Absent {
            highest_generation: None,
        } => "no profile".to_owned(),
        ProfileState::Absent {
            highest_generation: Some(highest),
        } => {
            format!("no profile (highest generation {highest})")
        }
        ProfileState::Present {
            generation,
            path,
            highest_generation,
        } => {
            let generation = generation.map_or_else(
                || "no generation".to_owned(),
                |number| format!("generation {number}"),
            );
            let path = path
                .as_ref()
                .map_or("a path outside of the store", |path| path.name());
            let highest = highest_generation
                .map(|highest| format!(", highest {highest}"))
                .unwrap_or_default();
            format!("{generation} ({path}{highest})")
        }
        ProfileState::Unknown { reason } => format!("an unknown state ({reason})"),
    }
}

/// Returns what was done about an earlier run, as a sentence.
pub(super) fn describe_recovery(operator: &Operator, recovery: Recovery) -> String {
    format!("an unfinished run of {operator} {recovery}")
}
