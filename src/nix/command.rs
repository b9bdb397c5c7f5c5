//! How Nix's programs are called.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::config::Evaluators;
use crate::process::{Finished, Invocation, ProcessError, run};

use super::NixError;

/// How Nix is called on this machine, the same for every call of a command.
#[derive(Debug, Clone, Default)]
pub struct Nix {
    /// Arguments after `--` of the command line, handed to evaluation and build.
    pub arguments: Vec<String>,
    /// Most builds that Nix does at the same time; its own setting where there is none.
    pub jobs: Option<NonZeroUsize>,
    /// How many evaluators the nodes of a fleet may be dealt to.
    pub evaluators: Evaluators,
}

impl Nix {
    /// Returns a call of `nix SUBCOMMAND…`, with the features on that older versions keep off.
    pub(super) fn nix(words: &[&str]) -> Invocation {
        Invocation::new("nix")
            .titled(format!("nix {}", words.join(" ")))
            .args(["--extra-experimental-features", "nix-command flakes"])
            .args(words.iter().copied())
    }

    /// Makes the store's database where there is none yet.
    ///
    /// Two programs of Nix 2.8 that do this at the same time can each find the other's half
    /// ("'/nix/var/nix/db/schema' is corrupt"), and evaluation starts several.
    pub async fn prepare_store() {
        if !Path::new("/nix/var/nix/db/schema").exists() {
            // Where only a daemon may do it, the daemon has.
            run(&Self::store(&["--init"])).await.ok();
        }
    }

    /// Returns a call of `nix-instantiate`.
    pub(super) fn instantiate() -> Invocation {
        Invocation::new("nix-instantiate")
    }

    /// Returns a call of `nix-store OPERATION…`, whose options are the same in all versions.
    pub(super) fn store(words: &[&str]) -> Invocation {
        Invocation::new("nix-store")
            .titled(format!("nix-store {}", words.join(" ")))
            .args(words.iter().copied())
    }
}

/// Runs a call that must succeed, and returns what it printed.
pub(super) async fn output(
    invocation: &Invocation,
    doing: &'static str,
) -> Result<String, NixError> {
    let finished = run(invocation)
        .await
        .map_err(|source| NixError::process(doing, source))?;
    succeeded(&finished, doing)
}

pub(super) fn succeeded(finished: &Finished, doing: &'static str) -> Result<String, NixError> {
    if finished.status.success() {
        Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
    } else {
        Err(NixError::Failed {
            doing,
            stderr: finished.stderr.text(),
        })
    }
}

impl NixError {
    pub(super) fn process(doing: &'static str, source: ProcessError) -> Self {
        match source {
            ProcessError::Start { .. } => Self::Missing { doing, source },
            source => Self::Process { doing, source },
        }
    }
}
