//! Signatures on what is copied: made here, and checked by the nodes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::NixError;
use super::command::{Nix, output};
use super::copy::CopyRequest;
use crate::model::StorePath;

/// What is done about the signatures of what is copied.
#[derive(Debug, Clone, Default)]
pub struct Signatures {
    /// Whether nodes check them even where they trust the login.
    pub checked: bool,
    key_file: Option<PathBuf>,
    /// What is signed need not be signed for the next node.
    signed: Arc<Mutex<BTreeSet<StorePath>>>,
}

impl Signatures {
    /// Returns what to do: sign with the secret key in a file, have the nodes check.
    pub fn new(key_file: Option<PathBuf>, checked: bool) -> Self {
        Self {
            checked,
            key_file,
            signed: Arc::default(),
        }
    }

    /// Signs what a request copies, each path once, where there is a key.
    pub async fn sign(&self, request: &CopyRequest) -> Result<(), NixError> {
        let Some(key_file) = &self.key_file else {
            return Ok(());
        };
        let mut signed = self.signed.lock().await;
        let paths = request.paths.iter();
        let unsigned: Vec<&StorePath> = paths.filter(|path| !signed.contains(path)).collect();
        if unsigned.is_empty() {
            return Ok(());
        }
        let derivations = request.derivations.then_some("--derivation");
        let invocation = Nix::nix(&["store", "sign", "--recursive"])
            .args(derivations)
            .arg("--key-file")
            .arg(key_file)
            .args(unsigned.iter().map(|path| path.as_str()));
        output(&invocation, "signing what is copied").await?;
        signed.extend(unsigned.into_iter().cloned());
        Ok(())
    }
}
