//! Agent calls whose end must be known, over new connections where one is lost.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::agent_call::{agent_failed, check_protocol};
use crate::host::{AgentCall, Host, HostError};
use crate::protocol::{ActivationResult, AgentMessage, parse_line};

/// How long a node that was lost meanwhile is looked for.
const SILENCE: Duration = Duration::from_secs(30);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Calls the agent until its result is known: a second call of the same run only follows the first.
/// Gives up where nothing was heard for a while after a connection was lost.
pub(super) async fn settle<H: Host>(
    host: &H,
    call: &AgentCall,
    mut on_message: impl FnMut(&AgentMessage) + Send,
) -> Result<ActivationResult, HostError> {
    let mut lost_at: Option<Instant> = None;
    let mut greeted = false;
    loop {
        let mut result = None;
        let mut heard = false;
        let mut on_line = |line: &str| {
            // A login may print text of its own.
            let Ok(message) = parse_line::<AgentMessage>(line) else {
                return;
            };
            heard = true;
            on_message(&message);
            if let AgentMessage::Result { result: last } = message {
                result = Some(last);
            } else if let AgentMessage::Hello { protocol, .. } = message {
                greeted |= check_protocol(protocol).is_ok();
            }
        };
        let talk = host.call(call, &mut on_line);
        let ended = match lost_at {
            None => talk.await,
            Some(since) => match timeout_at(since + SILENCE, talk).await {
                Ok(ended) => ended,
                Err(_) => Err(agent_failed("the node no longer answers".to_owned())),
            },
        };
        if let Some(result) = result {
            return Ok(result);
        }
        let error = match ended {
            Ok(()) => agent_failed("it ended without a result".to_owned()),
            Err(error) => error,
        };
        let may_go_on = greeted || error.is_unreachable();
        if heard {
            lost_at = None;
        }
        let since = *lost_at.get_or_insert_with(Instant::now);
        if !may_go_on || Instant::now() + PAUSE >= since + SILENCE {
            return Err(error);
        }
        sleep(PAUSE).await;
    }
}
