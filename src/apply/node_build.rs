//! The build step on a node: the derivation goes there, and what it builds is nowhere else.

use super::again::Again;
use super::context::RunContext;
use super::copy;
use super::step_end::StepEnd;
use super::step_log::StepLog;
use crate::host::{Host, HostError, RemoteCommand};
use crate::model::{AbsolutePath, NodeName, StorePath};
use crate::nix::{CopyProtocol, CopyRequest};
use crate::plan::{Action, PlannedProfile, PlannedStep};
use crate::schedule::Outcome;

const REALISE: &str = include_str!("node_build.sh");
const BUILDING: &str = "building on the node";

/// Builds the derivation of a step on `node`, unless what it builds is there.
pub(super) async fn run<H: Host>(
    context: &RunContext<H>,
    step: &PlannedStep,
    node: &NodeName,
    log: &mut StepLog,
) -> StepEnd {
    let needs_it = |profile: &&PlannedProfile| {
        profile.action != Action::Unchanged && profile.built_there() == step.drv_path.as_ref()
    };
    let Some(profile) = context.plan.profiles_of(node).find(needs_it) else {
        return StepEnd::from(Outcome::Unchanged);
    };
    let mut again = Again::new(&context.sink, Some(node));
    loop {
        let error = match build(context, profile, log).await {
            Ok(outcome) => return StepEnd::from(outcome),
            Err(error) => error,
        };
        if !again.is_worth_it(&error, "building").await {
            return failed(&error, log);
        }
    }
}

async fn build<H: Host>(
    context: &RunContext<H>,
    profile: &PlannedProfile,
    log: &mut StepLog,
) -> Result<Outcome, HostError> {
    let target = &profile.target.path;
    let Some(derivation) = profile.built_there() else {
        return Ok(Outcome::Unchanged);
    };
    let program = nix_store(context, profile);
    let words = [&program, "--check-validity", target.as_str()];
    match run_on(context, profile, &words, log).await {
        Ok(()) => {
            realise(context, profile, (&program, target), log).await?;
            return Ok(Outcome::Unchanged);
        }
        Err(error) if error.kind().is_some() => return Err(error),
        // The only other thing that this call says is that the target is not there.
        Err(_) => {}
    }
    send(context, profile, derivation, log).await?;
    realise(context, profile, (&program, derivation), log).await?;
    Ok(Outcome::Done { generation: None })
}

/// Copies a derivation with all that it needs: for a system these are thousands of small paths.
async fn send<H: Host>(
    context: &RunContext<H>,
    profile: &PlannedProfile,
    derivation: &StorePath,
    log: &mut StepLog,
) -> Result<(), HostError> {
    let (host, connection) = (&context.host, &profile.connection);
    let request = CopyRequest {
        paths: vec![derivation.clone()],
        derivations: true,
        protocol: CopyProtocol::Daemon,
        // Derivations are in no cache, so that asking for each would only take time.
        substitute: false,
        nix_folder: nix_folder(context, profile).cloned(),
    };
    let mut on_line = |line: &str| log.line(line);
    match host.copy(connection, &request, &mut on_line).await {
        Err(error @ HostError::Failed { .. }) => {
            on_line(&format!("{error}; once more, path by path"));
            let request = CopyRequest {
                protocol: CopyProtocol::Serve,
                ..request
            };
            host.copy(connection, &request, &mut on_line).await
        }
        sent => sent,
    }
}

/// Builds a derivation, or takes a path that is there, and keeps it until the run ends.
async fn realise<H: Host>(
    context: &RunContext<H>,
    profile: &PlannedProfile,
    (program, path): (&str, &StorePath),
    log: &mut StepLog,
) -> Result<(), HostError> {
    let target = &profile.target.path;
    let link = format!("{}-{}", target.hash(), target.name());
    let jobs = context.nix.jobs.map(|jobs| jobs.to_string());
    let fixed = ["/bin/sh", "-c", REALISE, "sh", program, path.as_str()];
    let mut words: Vec<&str> = fixed.to_vec();
    words.extend([context.run.as_str(), &link]);
    words.extend(jobs.iter().flat_map(|jobs| ["--max-jobs", jobs.as_str()]));
    run_on(context, profile, &words, log).await
}

async fn run_on<H: Host>(
    context: &RunContext<H>,
    profile: &PlannedProfile,
    words: &[&str],
    log: &mut StepLog,
) -> Result<(), HostError> {
    let command = RemoteCommand {
        connection: profile.connection.clone(),
        title: BUILDING,
        words: words.iter().map(ToString::to_string).collect(),
    };
    let mut on_line = |line: &str| log.line(line);
    context.host.run_command(&command, &mut on_line).await
}

fn nix_folder<'a, H>(
    context: &'a RunContext<H>,
    profile: &PlannedProfile,
) -> Option<&'a AbsolutePath> {
    context.plan.node(&profile.node)?.nix_folder.as_ref()
}

fn nix_store<H>(context: &RunContext<H>, profile: &PlannedProfile) -> String {
    let folder = nix_folder(context, profile);
    folder.map_or_else(
        || "nix-store".to_owned(),
        |folder| format!("{folder}/nix-store"),
    )
}

/// What Nix says while it builds is in the log, and not in the error.
fn failed(error: &HostError, log: &StepLog) -> StepEnd {
    match error {
        HostError::Failed { doing, .. } if *doing == BUILDING => StepEnd {
            outcome: Outcome::Failed {
                message: format!(
                    "the build on the node failed; nothing was changed there{}",
                    copy::hint(&log.tail())
                ),
            },
            tail: log.tail(),
        },
        error => copy::failed(error),
    }
}
