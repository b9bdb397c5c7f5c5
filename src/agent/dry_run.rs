//! What an activation would do, in the words of its closure.
//!
//! Nothing here can change a profile: none is named, no lock is taken, no journal is written, and no
//! module that does so is used (`layering` holds that).

use std::io;
use std::path::Path;
use std::time::Duration;

use super::environment::Environment;
use super::program::{Program, failure_of};
use crate::model::StorePath;
use crate::process::{Invocation, ProcessError, run_with};
use crate::protocol::{DryRunMessage, FailureReason};

/// Sends both streams into the one that is read as it comes.
const ONE_STREAM: [&str; 2] = ["-c", "exec \"$0\" \"$@\" >&2"];

/// Lets the closure say what it would do, and tells how that ended.
pub(super) async fn dry_run(
    environment: &Environment,
    target: &StorePath,
    time_limit: Option<u64>,
    mut tell: impl FnMut(&DryRunMessage) -> io::Result<()>,
) -> io::Result<()> {
    let location = Path::new(target.as_str());
    let end = match Program::of(location) {
        None => DryRunMessage::Failed {
            reason: FailureReason::NotStarted {
                detail: format!("{target} has no activation program"),
            },
        },
        Some(program) => match program.dry_invocation(environment, location) {
            None => DryRunMessage::Unknown,
            Some(call) => follow(call, time_limit, &mut tell).await,
        },
    };
    tell(&end)
}

async fn follow(
    call: Invocation,
    time_limit: Option<u64>,
    tell: &mut impl FnMut(&DryRunMessage) -> io::Result<()>,
) -> DryRunMessage {
    let call = call.through("/bin/sh", ONE_STREAM);
    let call = match time_limit {
        None => call,
        Some(seconds) => call.time_limit(Duration::from_secs(seconds)),
    };
    let finished = run_with(&call, |line| {
        let text = line.to_owned();
        // Whoever listened has gone: a dry activation may go on to its end, or not.
        tell(&DryRunMessage::Output { text }).ok();
    });
    let reason = match finished.await {
        Ok(finished) => failure_of(finished.status),
        Err(ProcessError::TimedOut { limit, .. }) => Some(FailureReason::TimedOut {
            seconds: limit.as_secs(),
        }),
        Err(error) => Some(FailureReason::NotStarted {
            detail: error.to_string(),
        }),
    };
    reason.map_or(DryRunMessage::Done, |reason| DryRunMessage::Failed {
        reason,
    })
}
