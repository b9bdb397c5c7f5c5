//! Confirming an activation over logins of their own, again and again until its deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::host::{AgentCall, Host, HostError};
use crate::protocol::{AgentCommand, ConfirmReply, parse_line};

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Tries to confirm until the agent answers or `deadline` has passed. What became of it is read
/// from the agent's own result, not from here; `on_failure` learns why a try was in vain.
pub(super) async fn confirm<H: Host>(
    host: &H,
    activation: &AgentCall,
    deadline: Instant,
    on_failure: impl Fn(String),
) {
    let AgentCommand::Start(request) = &activation.command else {
        return;
    };
    let command = AgentCommand::Confirm {
        run: request.run.clone(),
        profile_path: request.profile_path.clone(),
    };
    let call = AgentCall {
        command,
        ..activation.clone()
    };
    let mut has_failed = false;
    loop {
        let mut reply: Option<ConfirmReply> = None;
        let mut on_line = |line: &str| reply = parse_line(line).ok().or(reply.take());
        let Ok(called) = timeout_at(deadline, host.call_afresh(&call, &mut on_line)).await else {
            // An earlier failure says more than a last try that the deadline cut off.
            if !has_failed {
                on_failure("a fresh login gets no answer".to_owned());
            }
            return;
        };
        match failure_of(reply, called) {
            None => return,
            Some(failure) => on_failure(failure),
        }
        has_failed = true;
        if Instant::now() + PAUSE >= deadline {
            return;
        }
        sleep(PAUSE).await;
    }
}

/// Returns why a try was in vain; none where there is nothing left to confirm.
fn failure_of(reply: Option<ConfirmReply>, called: Result<(), HostError>) -> Option<String> {
    match (reply, called) {
        (Some(ConfirmReply::Confirmed | ConfirmReply::Ended), _) => None,
        (Some(ConfirmReply::Failed { reason }), _) => Some(reason),
        (Some(ConfirmReply::NotWaiting), _) => Some("the agent was not waiting".to_owned()),
        (None, Err(error)) => Some(error.to_string()),
        (None, Ok(())) => Some("the agent gave no answer".to_owned()),
    }
}
