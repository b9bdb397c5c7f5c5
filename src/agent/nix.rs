//! The few calls of Nix that an activation needs: classic commands, which are the same everywhere.

use std::time::Duration;

use super::environment::Environment;
use crate::model::{AbsolutePath, Generation, StorePath};
use crate::process::{Invocation, ProcessError, run};

/// Nix may wait for a garbage collection; longer than this it is taken to hang.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(600);

/// Returns the call that makes `target` the newest generation of the profile, and current.
pub(super) fn set(
    environment: &Environment,
    profile: &AbsolutePath,
    target: &StorePath,
) -> Invocation {
    nix_env(environment, profile, "--set", target.as_str())
}

/// Returns the call that makes an existing generation current.
pub(super) fn switch(
    environment: &Environment,
    profile: &AbsolutePath,
    generation: Generation,
) -> Invocation {
    nix_env(
        environment,
        profile,
        "--switch-generation",
        &generation.to_string(),
    )
}

/// Returns the call that deletes a generation; Nix refuses the current one.
pub(super) fn delete(
    environment: &Environment,
    profile: &AbsolutePath,
    generation: Generation,
) -> Invocation {
    nix_env(
        environment,
        profile,
        "--delete-generations",
        &generation.to_string(),
    )
}

fn nix_env(
    environment: &Environment,
    profile: &AbsolutePath,
    operation: &str,
    operand: &str,
) -> Invocation {
    environment
        .program("nix-env")
        .args(["--profile", profile.as_str(), operation, operand])
}

/// Returns those of the paths that are not valid in the node's store.
pub(super) async fn invalid(
    environment: &Environment,
    paths: &[StorePath],
) -> Result<Vec<StorePath>, ProcessError> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let question = environment
        .program("nix-store")
        .args(["--check-validity", "--print-invalid"])
        .args(paths.iter().map(StorePath::as_str))
        .time_limit(TIME_LIMIT);
    let answer = run(&question).await?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let listed: Vec<&str> = text.lines().map(str::trim).collect();
    let invalid = paths
        .iter()
        .filter(|path| listed.contains(&path.as_str()) || !answer.status.success());
    Ok(invalid.cloned().collect())
}

/// Makes links to valid paths, the first one with this name, that keep them from garbage collection. Nothing is built
/// or fetched for it, and Nix itself keeps what it looks at until it has ended. Returns what Nix said where it failed.
pub(super) async fn root(
    environment: &Environment,
    paths: &[StorePath],
    link: &std::path::Path,
) -> Result<Option<String>, ProcessError> {
    if paths.is_empty() {
        return Ok(None);
    }
    let call = environment
        .program("nix-store")
        .args(["--option", "substitute", "false", "--max-jobs", "0"])
        .args(["--option", "builders", "", "--realise"])
        .args(paths.iter().map(StorePath::as_str))
        .arg("--add-root")
        .arg(link)
        .arg("--indirect")
        .time_limit(TIME_LIMIT);
    let finished = run(&call).await?;
    Ok((!finished.status.success()).then(|| finished.stderr.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn generations_are_named_by_number() {
        let environment = Environment::new(vec![("HOME".into(), "/h".into())], "/a".into()).await;
        let profile = "/p/profile".parse().unwrap();
        let call = switch(&environment, &profile, Generation(4));
        assert_eq!(call.program_name(), "nix-env");
        assert!(
            call.arguments()
                .eq(["--profile", "/p/profile", "--switch-generation", "4"])
        );
    }
}
