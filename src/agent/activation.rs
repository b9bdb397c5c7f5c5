//! Running the activation program of whatever the profile link points to.

use std::path::Path;
use std::time::Duration;

use super::program::Program;
use super::work::Work;
use crate::protocol::{FailureReason, Phase};

impl Work<'_> {
    /// Activates what lies at `location`, as part of `phase`. Returns false where nothing there
    /// can be activated.
    pub(super) async fn activate(
        &mut self,
        location: &Path,
        phase: Phase,
    ) -> Result<bool, FailureReason> {
        let Some(program) = Program::of(location) else {
            return Ok(false);
        };
        let invocation = program.invocation(&self.context.environment, location);
        let limit = self.journal.activation_timeout.map(Duration::from_secs);
        match self.run(invocation, limit, phase).await?.failure() {
            None => Ok(true),
            Some(reason) => Err(reason),
        }
    }
}
