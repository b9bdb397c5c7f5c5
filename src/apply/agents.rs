//! The agents that can be sent to nodes, one per system.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::PoisonError;

use tokio::sync::Mutex;

use crate::model::{NodeName, StorePath};
use crate::nix::{NixError, add_file};

/// Where agents are looked for, and those that were added to the store already.
#[derive(Debug, Default)]
pub struct Agents {
    /// The candidates for a system, best first; `{system}` stands for it.
    candidates: Vec<String>,
    /// The operator's own system, and the agent that was built with this `deploy`, for nothing else.
    own: Option<(String, String)>,
    /// The nodes on which the one for their system does not start.
    unfit: std::sync::Mutex<BTreeSet<NodeName>>,
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
    /// Returns agents found at these paths, in which `{system}` stands for the node's system, and
    /// then at the one for a single system.
    pub fn new(candidates: Vec<String>, own: Option<(String, String)>) -> Self {
        Self {
            candidates,
            own,
            unfit: std::sync::Mutex::default(),
            added: Mutex::default(),
        }
    }

    /// Returns agents that are this path for every system, for tests.
    #[cfg(test)]
    pub(super) fn known(path: StorePath) -> Self {
        const ANY_FILE: &str = "/bin/sh";
        let added = BTreeMap::from([(PathBuf::from(ANY_FILE), path)]);
        Self {
            candidates: vec![ANY_FILE.to_owned()],
            own: None,
            unfit: std::sync::Mutex::default(),
            added: Mutex::new(added),
        }
    }

    /// Returns whether there is an agent for a system.
    pub fn has(&self, system: &str) -> bool {
        first_file(&self.looked_for(system)).is_some()
    }

    /// Remembers that the agent for a node's system does not start there.
    pub(super) fn set_unfit_for(&self, node: &NodeName) {
        let unfit = self.unfit.lock();
        let mut unfit = unfit.unwrap_or_else(PoisonError::into_inner);
        unfit.insert(node.clone());
    }

    /// Returns whether that is so.
    pub(super) fn is_unfit_for(&self, node: &NodeName) -> bool {
        let unfit = self.unfit.lock();
        unfit.unwrap_or_else(PoisonError::into_inner).contains(node)
    }

    fn looked_for(&self, system: &str) -> Vec<String> {
        let candidates = self.candidates.iter();
        let place = |candidate: &String| candidate.replace("{system}", system);
        let own = self.own.iter().filter(|(own, _)| own == system);
        let own = own.map(|(_, path)| path.clone());
        candidates.map(place).chain(own).collect()
    }

    /// Returns the agent for a system as a store path, content-addressed, so that every store
    /// takes it without a signature.
    pub async fn for_system(&self, system: &str) -> Result<StorePath, AgentError> {
        let looked_for = self.looked_for(system);
        let Some(file) = first_file(&looked_for) else {
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

fn first_file(paths: &[String]) -> Option<PathBuf> {
    paths.iter().map(PathBuf::from).find(|file| file.is_file())
}
