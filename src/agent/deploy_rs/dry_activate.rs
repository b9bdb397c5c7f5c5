//! `activate --dry-activate`: what the closure would do, told as deploy-rs's client hears it.

use super::call::{CallError, caller};
use super::log::Log;
use super::mark::Mark;
use crate::agent::dry_run::dry_run;
use crate::agent::environment::Environment;
use crate::agent::folder::Folder;
use crate::model::{AbsolutePath, StorePath};
use crate::protocol::DryRunMessage;

/// Lets the closure say what it would do. The profile only gets a mark beside it, so that the
/// client cannot take back what it has not done.
pub(super) async fn dry_activate(
    closure: &StorePath,
    profile: &AbsolutePath,
    environment: &Environment,
    log: &Log,
) -> Result<(), CallError> {
    Mark::leave(&Folder::of(profile), caller(environment))?;
    let mut failure = None;
    let tell = |message: &DryRunMessage| match message {
        DryRunMessage::Output { text } => log.print(text),
        DryRunMessage::Done => log.say("that is what it would do; nothing was changed"),
        DryRunMessage::Unknown => {
            log.say("this closure cannot say what it would do, and was not run")
        }
        DryRunMessage::Failed { reason } => {
            failure = Some(format!("{reason}; nothing was changed"));
            Ok(())
        }
    };
    dry_run(environment, closure, None, tell).await?;
    failure.map_or(Ok(()), |reason| Err(CallError::Failed(reason)))
}
