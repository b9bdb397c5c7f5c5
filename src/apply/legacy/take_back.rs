//! Taking back what was activated through deploy-rs's agent.

use super::super::context::RunContext;
use super::super::step_log::StepLog;
use super::choice::dialect;
use super::look::{describe, is_as_planned, look};
use super::words::LegacyAgent;
use crate::host::{Host, RemoteCommand};
use crate::plan::PlannedProfile;

/// Takes the activation back, if that leads where the profile was, and if the profile still is what
/// the run made of it.
///
/// # Errors
/// Says why it was not taken back.
pub(in crate::apply) async fn revoke<H: Host>(
    context: &RunContext<H>,
    profile: &PlannedProfile,
    log: &mut StepLog,
) -> Result<(), String> {
    let host = &context.host;
    let agent = LegacyAgent::of(profile, &context.run)?;
    let Some(path) = &profile.profile_path else {
        return Err("the profile's path is not known".to_owned());
    };
    if !agent.goes_back_exactly() {
        return Err("deploy-rs's agent would not go back to what was there before".to_owned());
    }
    let text = |error: crate::host::HostError| error.to_string();
    let found = look(host, profile, path).await.map_err(text)?;
    let is_ours = found.as_ref().is_some_and(|link| {
        link.path.as_ref() == Some(&profile.target.path)
            && link.generation == profile.target.generation
    });
    if !is_ours {
        return Err(format!(
            "it is no longer what this run made of it, but {}",
            describe(found.as_ref())
        ));
    }
    let dialect = dialect(host, profile, &agent).await.map_err(text)?;
    let command = RemoteCommand {
        connection: profile.connection.clone(),
        title: "deploy-rs's revoke",
        words: agent.revoke(dialect),
    };
    let revoked = host.run_command(&command, &mut |line| log.line(line)).await;
    let found = look(host, profile, path).await.map_err(text)?;
    match revoked {
        Ok(()) if is_as_planned(&profile.current, found.as_ref()) => Ok(()),
        Ok(()) => Err(format!("it is at {} now", describe(found.as_ref()))),
        Err(error) => Err(format!(
            "going back failed: {error}. The profile is at {} now",
            describe(found.as_ref())
        )),
    }
}
