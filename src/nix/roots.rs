//! Keeping the outputs of a plan from garbage collection.

use std::path::Path;

use super::NixError;
use super::command::{Nix, output};
use crate::model::StorePath;

/// Keeps these valid paths as long as the links in `folder` exist.
pub async fn add_roots(paths: &[StorePath], folder: &Path) -> Result<(), NixError> {
    if paths.is_empty() {
        return Ok(());
    }
    // --indirect is needed up to 2.3 and says nothing new to later versions.
    let invocation = Nix::store(&["--realise"])
        .args(paths.iter().map(StorePath::as_str))
        .arg("--add-root")
        .arg(folder.join("output"))
        .arg("--indirect");
    output(&invocation, "keeping the outputs of the plan")
        .await
        .map(drop)
}

/// Keeps these valid derivations, built or not, as long as the links in `folder` exist.
pub async fn add_derivation_roots(
    derivations: &[StorePath],
    folder: &Path,
) -> Result<(), NixError> {
    if derivations.is_empty() {
        return Ok(());
    }
    // Realising one would build it; importing it gives back what it was made from.
    let imports = derivations
        .iter()
        .map(|path| format!("(import \"{path}\")"));
    let invocation = Nix::instantiate()
        .arg("--expr")
        .arg(format!("[ {} ]", imports.collect::<Vec<_>>().join(" ")))
        .arg("--add-root")
        .arg(folder.join("derivation"))
        .arg("--indirect");
    output(&invocation, "keeping the derivations of the plan")
        .await
        .map(drop)
}

/// Keeps a valid path as long as `link` exists, which is made to lead to it.
pub async fn keep(path: &StorePath, link: &Path) -> Result<(), NixError> {
    let invocation = Nix::store(&["--realise"])
        .arg(path.as_str())
        .arg("--add-root")
        .arg(link)
        .arg("--indirect");
    output(&invocation, "keeping a result").await.map(drop)
}
