//! Passwords for sudo, before anything is changed.

use super::context::Context;
use super::error::CliError;
use crate::apply::{Exit, LockedSudo, Unlocking};
use crate::host::RemoteHost;

/// Asks for the passwords that these want, or says why nothing can be done without.
pub(super) async fn unlock(
    context: &Context,
    unlocking: Unlocking<'_, RemoteHost>,
    locked: Vec<LockedSudo>,
) -> Result<(), CliError> {
    let help = if context.somebody_is_there() {
        "nothing was changed on any node; `sudo -l` there tells what is allowed"
    } else {
        "nothing was changed on any node, and there is no terminal to ask for a password on: run deploy on one, or \
         let sudo run the agent without a password"
    };
    let unlocked = unlocking.unlock(&locked).await;
    unlocked.map_err(|error| CliError::refused(Exit::Failed, error.to_string(), help))
}
