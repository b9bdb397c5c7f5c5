//! Building everything that changed in one call.

use std::collections::BTreeMap;

use super::closure::invalid_paths;
use super::command::{Nix, output};
use super::{NixError, NixVersion};
use crate::model::StorePath;
use crate::process::{Invocation, run_with};

const LOG_LINES: usize = 25;
const DOING: &str = "building";

/// A target that could not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFailure {
    /// The derivations that failed; the target's own, or some that it needs.
    pub derivations: Vec<String>,
    /// What Nix said, and the last lines of the logs.
    pub lines: Vec<String>,
}

/// Builds the derivations of these targets, all in one call that goes on after a failure.
///
/// Success is judged by the validity of each output, never by the exit status. Returns the targets
/// whose outputs are not there, with what failed.
pub async fn build(
    nix: &Nix,
    targets: &BTreeMap<StorePath, Option<StorePath>>,
    mut on_line: impl FnMut(&str),
) -> Result<BTreeMap<StorePath, BuildFailure>, NixError> {
    let (version, missing) =
        tokio::try_join!(NixVersion::of_operator(), invalid_paths(targets.keys()))?;
    if missing.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted = missing
        .iter()
        .map(|path| (path, targets.get(path).and_then(Option::as_ref)));
    let mut lines = Vec::new();
    let invocation = invocation(nix, &version, wanted);
    let finished = run_with(&invocation, |line| {
        on_line(line);
        lines.push(line.to_owned());
    })
    .await
    .map_err(|source| NixError::process(DOING, source))?;
    drop(finished);
    let mut failures = BTreeMap::new();
    let failed = failed_derivations(&lines);
    for path in invalid_paths(missing.iter()).await? {
        let derivation = targets.get(&path).and_then(Option::as_ref);
        failures.insert(path, explain(derivation, &failed, &lines).await);
    }
    Ok(failures)
}

fn invocation<'a>(
    nix: &Nix,
    version: &NixVersion,
    wanted: impl Iterator<Item = (&'a StorePath, Option<&'a StorePath>)>,
) -> Invocation {
    let installable = |(path, derivation): (&StorePath, Option<&StorePath>)| match derivation {
        Some(derivation) => version.outputs_of(derivation.as_str()),
        None => path.to_string(),
    };
    let jobs = nix.jobs.iter();
    Nix::nix(&["build", "--no-link", "--keep-going"])
        .args(jobs.flat_map(|jobs| ["--max-jobs".to_owned(), jobs.to_string()]))
        .args(wanted.map(installable))
        .args(&nix.arguments)
}

/// Returns the derivations that Nix says failed to build.
fn failed_derivations(lines: &[String]) -> Vec<String> {
    let derivation = |line: &String| {
        let failed = line.contains("failed with exit code")
            || line.contains("failed due to signal")
            || line.contains("Cannot build")
            || line.contains("hash mismatch in fixed-output derivation");
        let start = line.find("/nix/store/").filter(|_| failed)?;
        let end = line[start..].find(".drv")? + start + ".drv".len();
        Some(line[start..end].to_owned())
    };
    let mut failed: Vec<_> = lines.iter().filter_map(derivation).collect();
    failed.sort();
    failed.dedup();
    failed
}

async fn explain(
    derivation: Option<&StorePath>,
    failed: &[String],
    lines: &[String],
) -> BuildFailure {
    let needed = match derivation {
        None => String::new(),
        Some(derivation) => {
            let query = Nix::store(&["--query", "--requisites"]).arg(derivation.as_str());
            output(&query, DOING).await.unwrap_or_default()
        }
    };
    let concerned: Vec<String> = failed
        .iter()
        .filter(|failed| needed.lines().any(|line| line == failed.as_str()))
        .cloned()
        .collect();
    let mut explained = Vec::new();
    for failed in &concerned {
        let log = output(&Nix::store(&["--read-log"]).arg(failed), DOING)
            .await
            .unwrap_or_default();
        let log: Vec<_> = log.lines().collect();
        explained.push(format!("{failed} failed; the last lines of its log:"));
        explained.extend(
            log[log.len().saturating_sub(LOG_LINES)..]
                .iter()
                .map(|line| format!("  {line}")),
        );
    }
    if explained.is_empty() {
        explained = lines[lines.len().saturating_sub(LOG_LINES)..].to_vec();
    }
    BuildFailure {
        derivations: concerned,
        lines: explained,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_derivations_that_failed() {
        let lines = [
            "error: builder for '/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a.drv' failed with exit code 1;",
            "       last 1 log lines:",
            "error: Cannot build '/nix/store/10023hrmrnvmk0mj2hw7zrfhdnkzyaqy-b.drv'.",
            "error: 1 dependencies of derivation '/nix/store/20023hrmrnvmk0mj2hw7zrfhdnkzyaqy-c.drv' failed to build",
        ];
        let failed = failed_derivations(&lines.map(ToOwned::to_owned));
        assert_eq!(
            failed,
            [
                "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a.drv",
                "/nix/store/10023hrmrnvmk0mj2hw7zrfhdnkzyaqy-b.drv"
            ]
        );
    }

    #[test]
    fn the_form_of_an_installable_follows_the_version() {
        let path: StorePath = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a"
            .parse()
            .unwrap();
        let drv: StorePath = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a.drv"
            .parse()
            .unwrap();
        let line = |version: &str| {
            let version = NixVersion::parse(version);
            invocation(
                &Nix::default(),
                &version,
                std::iter::once((&path, Some(&drv))),
            )
            .to_string()
        };
        assert!(
            line("nix (Nix) 2.8.0").ends_with(
                "--no-link --keep-going /nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a.drv"
            )
        );
        assert!(line("nix (Nix) 2.34.8").ends_with("-a.drv^*"));
    }
}
