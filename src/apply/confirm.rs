//! Confirming an activation over logins of their own, again and again until its deadline.

use std::time::Duration;

use futures_util::future::select_all;
use tokio::time::{Instant, sleep, timeout_at};

use crate::host::{AgentCall, Host, HostError};
use crate::model::Connection;
use crate::protocol::{AgentCommand, ConfirmReply, parse_line};

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// The way on which the agent answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    /// The way.
    pub(super) over: Connection,
    /// Whether the agent took the confirmation; else there was nothing left to confirm.
    pub(super) confirmed: bool,
}

/// Tries to confirm until the agent answers or `deadline` has passed: over the connection of the
/// activation and over `other` at the same time, where the activation moves the node. What became
/// of it is read from the agent's own result, not from here; `on_failure` learns why a try was in
/// vain.
pub(super) async fn confirm<H: Host>(
    host: &H,
    activation: &AgentCall,
    other: Option<&Connection>,
    deadline: Instant,
    on_failure: impl Fn(String) + Send + Sync,
) -> Option<Answered> {
    let AgentCommand::Start(request) = &activation.command else {
        return None;
    };
    let call = |connection: &Connection| AgentCall {
        connection: connection.clone(),
        command: AgentCommand::Confirm {
            run: request.run.clone(),
            profile_path: request.profile_path.clone(),
        },
        ..activation.clone()
    };
    let ways = [Some(&activation.connection), other].into_iter().flatten();
    let on_failure = &on_failure;
    let mut tries: Vec<_> = ways
        .map(|way| Box::pin(try_over(host, call(way), deadline, on_failure)))
        .collect();
    loop {
        let (answered, _, rest) = select_all(tries).await;
        if answered.is_some() || rest.is_empty() {
            return answered;
        }
        tries = rest;
    }
}

async fn try_over<H: Host>(
    host: &H,
    call: AgentCall,
    deadline: Instant,
    on_failure: &(impl Fn(String) + Sync),
) -> Option<Answered> {
    let mut has_failed = false;
    loop {
        let mut reply: Option<ConfirmReply> = None;
        let mut on_line = |line: &str| reply = parse_line(line).ok().or(reply.take());
        let Ok(called) = timeout_at(deadline, host.call_afresh(&call, &mut on_line)).await else {
            // An earlier failure says more than a last try that the deadline cut off.
            if !has_failed {
                on_failure("a fresh login gets no answer".to_owned());
            }
            return None;
        };
        match failure_of(reply, called) {
            Ok(confirmed) => {
                let over = call.connection;
                return Some(Answered { over, confirmed });
            }
            Err(failure) => on_failure(failure),
        }
        has_failed = true;
        if Instant::now() + PAUSE >= deadline {
            return None;
        }
        sleep(PAUSE).await;
    }
}

/// Returns whether the agent was confirmed, or why a try was in vain.
fn failure_of(reply: Option<ConfirmReply>, called: Result<(), HostError>) -> Result<bool, String> {
    match (reply, called) {
        (Some(ConfirmReply::Confirmed), _) => Ok(true),
        (Some(ConfirmReply::Ended), _) => Ok(false),
        (Some(ConfirmReply::Failed { reason }), _) => Err(reason),
        (Some(ConfirmReply::NotWaiting), _) => Err("the agent was not waiting".to_owned()),
        (None, Err(error)) => Err(error.to_string()),
        (None, Ok(())) => Err("the agent gave no answer".to_owned()),
    }
}
