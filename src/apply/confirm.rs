//! Confirming an activation over logins of their own, again and again until its deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::host::{AgentCall, Host};
use crate::protocol::{AgentCommand, ConfirmReply, parse_line};

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Tries to confirm until the agent answers or `deadline` has passed. What became of it is read
/// from the agent's own result, not from here.
pub(super) async fn confirm<H: Host>(host: &H, activation: &AgentCall, deadline: Instant) {
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
    loop {
        let mut reply: Option<ConfirmReply> = None;
        let mut on_line = |line: &str| reply = parse_line(line).ok().or(reply.take());
        if timeout_at(deadline, host.call_afresh(&call, &mut on_line))
            .await
            .is_err()
        {
            return;
        }
        match reply {
            Some(ConfirmReply::Confirmed | ConfirmReply::Ended) => return,
            Some(ConfirmReply::NotWaiting | ConfirmReply::Failed { .. }) | None => {}
        }
        if Instant::now() + PAUSE >= deadline {
            return;
        }
        sleep(PAUSE).await;
    }
}
