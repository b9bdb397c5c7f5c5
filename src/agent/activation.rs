//! Running the activation program of a closure.

use std::path::Path;
use std::time::{Duration, Instant};

use super::program::{Action, Program};
use super::work::Work;
use crate::protocol::{FailureReason, Phase};

impl Work<'_> {
    /// Runs `program` of what lies at `location`, as part of `phase`.
    pub(super) async fn activate(
        &mut self,
        program: Program,
        location: &Path,
        action: Action,
        phase: Phase,
    ) -> Result<(), FailureReason> {
        let limit = self.journal.activation_timeout.map(Duration::from_secs);
        let begin = Instant::now();
        let first = self.attempt(program, location, action, phase, limit).await;
        if !matches!(first, Err(FailureReason::Degraded { .. })) {
            return first;
        }
        let left = limit.map(|limit| limit.saturating_sub(begin.elapsed()));
        if left.is_some_and(|left| left < begin.elapsed()) {
            return first;
        }
        // A user's systemd that ends just then, or a start list that an interrupted run has left,
        // give this status for once, with nothing wrong. A unit that really fails does so again.
        self.note("some units failed (status 4); trying once more");
        match self.attempt(program, location, action, phase, left).await {
            Err(FailureReason::TimedOut { .. }) => first,
            second => second,
        }
    }

    async fn attempt(
        &mut self,
        program: Program,
        location: &Path,
        action: Action,
        phase: Phase,
        limit: Option<Duration>,
    ) -> Result<(), FailureReason> {
        let invocation = program.invocation(&self.context.environment, location, action);
        // What goes back writes the entry that was there before.
        if phase != Phase::RollingBack {
            self.journal.wrote_boot_entry |= program.writes_boot_entry(action);
        }
        let leaves_alone = |status| program.has_finished_with(status);
        let ended = self
            .run_leaving(invocation, limit, phase, leaves_alone)
            .await?;
        match ended.failure() {
            None => Ok(()),
            Some(reason) => Err(program.read_failure(reason)),
        }
    }
}
