//! The activation step of a run that changes nothing: the closure says what it would do.

use super::agent_call::agent_of;
use super::context::RunContext;
use super::step_end::StepEnd;
use super::step_log::StepLog;
use crate::host::{AgentCall, Host};
use crate::plan::PlannedProfile;
use crate::protocol::{AgentCommand, DryRunMessage, parse_line};
use crate::schedule::Outcome;

/// As much as anybody reads; all of it is in the step's log.
const LINES_MAX: usize = 500;

/// Lets the profile's closure say what its activation would do on the node.
///
/// Nothing was changed however it ends, so a node that is lost meanwhile is a failure like another.
pub(super) async fn run<H: Host>(
    context: &RunContext<H>,
    profile: &PlannedProfile,
    log: &mut StepLog,
) -> StepEnd {
    let agent = match agent_of(context, &profile.node).await {
        Ok(agent) => agent,
        Err(message) => return StepEnd::from(Outcome::Failed { message }),
    };
    let call = AgentCall {
        connection: profile.connection.clone(),
        sudo: profile.settings.sudo.clone(),
        agent,
        command: AgentCommand::DryRun {
            target: profile.target.path.clone(),
            time_limit: profile.settings.activation_timeout,
        },
    };
    let mut said = Vec::new();
    let mut end = None;
    let mut on_line = |line: &str| match parse_line(line) {
        Ok(DryRunMessage::Output { text }) => {
            log.line(&text);
            if said.len() < LINES_MAX {
                said.push(text);
            }
        }
        Ok(message) => end = Some(message),
        // A login may print text of its own.
        Err(_) => {}
    };
    let called = context.host.call(&call, &mut on_line).await;
    let failed = |why: String| Outcome::Failed {
        message: format!("the dry activation failed: {why}"),
    };
    let outcome = match (end, called) {
        (Some(DryRunMessage::Done), _) => Outcome::DryActivated { said },
        (Some(DryRunMessage::Unknown), _) => Outcome::NoDryActivation,
        (Some(DryRunMessage::Failed { reason }), _) => failed(reason.to_string()),
        (_, Err(error)) => failed(error.to_string()),
        (_, Ok(())) => failed("the agent did not say how it ended".to_owned()),
    };
    StepEnd {
        outcome,
        tail: log.tail(),
    }
}
