//! The agents that can be sent to nodes, one per system.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::Mutex;

use crate::model::StorePath;
use crate::nix::{NixError, add_file};

/// Where agents are looked for, and those that were added to the store already.
#[derive(Debug, Default)]
pub struct Agents {
    /// The candidates for a system, best first; `{system}` stands for it.
    candidates: Vec<String>,
    added: Mutex<BTreeMap<PathBuf, StorePath>>,
}

/// There is no agent for a node.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AgentError {
    /// No file was found.
    #[error("there is no agent for {system}; looked for {}", looked_for.join(", "))]
    #[diagnostic(
        code(deploy::agent::missing),
        help(
            "build it (`cargo build --bin activate`), or set DEPLOY_AGENTS to a folder with <system>/activate"
        )
    )]
    Missing {
        /// The system.
        system: String,
        /// Where it was looked for.
        looked_for: Vec<String>,
    },
    /// It could not be added to the store.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Nix(#[from] NixError),
}

impl Agents {
    /// Returns agents found at these paths, in which `{system}` stands for the node's system.
    pub fn new(candidates: Vec<String>) -> Self {
        Self {
            candidates,
            added: Mutex::default(),
        }
    }

    /// Returns agents that are this path for every system, for tests.
    #[cfg(test)]
    pub(super) fn known(path: StorePath) -> Self {
        const ANY_FILE: &str = "/proc/self/exe";
        let added = BTreeMap::from([(PathBuf::from(ANY_FILE), path)]);
        Self {
            candidates: vec![ANY_FILE.to_owned()],
            added: Mutex::new(added),
        }
    }

    /// Returns the agent for a system as a store path, content-addressed, so that every store
    /// takes it without a signature.
    pub async fn for_system(&self, system: &str) -> Result<StorePath, AgentError> {
        let looked_for: Vec<String> = self
            .candidates
            .iter()
            .map(|candidate| candidate.replace("{system}", system))
            .collect();
        let Some(file) = looked_for
            .iter()
            .map(PathBuf::from)
            .find(|file| file.is_file())
        else {
            return Err(AgentError::Missing {
                system: system.to_owned(),
                looked_for,
            });
        };
        let mut added = self.added.lock().await;
        if let Some(path) = added.get(&file) {
            return Ok(path.clone());
        }
        let path = add_file(&file).await?;
        added.insert(file, path.clone());
        Ok(path)
    }
}
