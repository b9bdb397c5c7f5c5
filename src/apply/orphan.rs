//! An activation whose agent died while it was followed: it is finished at once, rather than by
//! whoever deploys the profile next.

use super::settle::settle;
use super::step_log::StepLog;
use crate::host::{AgentCall, Host};
use crate::protocol::{ActivationResult, AgentCommand, FailureReason};

/// Returns whether a result says that the agent was ended and nobody works on the profile.
fn is_orphaned(result: &ActivationResult) -> bool {
    matches!(
        result,
        ActivationResult::RollbackFailed {
            reason: FailureReason::Interrupted { .. },
            ..
        }
    )
}

/// Lets the agent finish what another agent has left, and returns how the activation ended then;
/// `result` where it did not end better than that. `call` started it.
pub(super) async fn adopt<H: Host>(
    host: &H,
    call: &AgentCall,
    result: ActivationResult,
    log: &mut StepLog,
) -> ActivationResult {
    let AgentCommand::Start(request) = &call.command else {
        return result;
    };
    if !is_orphaned(&result) {
        return result;
    }
    log.line("the agent was ended; another one finishes what it has left");
    let ask = |command| AgentCall {
        command,
        ..call.clone()
    };
    let (run, profile_path) = (request.run.clone(), request.profile_path.clone());
    let recover = ask(AgentCommand::Recover {
        run: run.clone(),
        profile_path: profile_path.clone(),
    });
    match settle(host, &recover, |_| {}).await {
        Ok(ActivationResult::AlreadyDone { .. }) => {}
        Ok(failed @ ActivationResult::RollbackFailed { .. }) => return failed,
        // Whoever holds the lock finishes it, and else the next deployment does.
        _ => return result,
    }
    let attach = ask(AgentCommand::Attach { run, profile_path });
    settle(host, &attach, |_| {}).await.unwrap_or(result)
}
