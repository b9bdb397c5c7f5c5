//! The links that keep what was built from garbage collection, where the operator wants to have it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::apply::Exit;
use crate::model::StorePath;
use crate::nix::{self, Nix, keep};
use crate::plan::{Plan, PlannedProfile};

/// Makes the links `FOLDER/<node>/<profile>` to the targets, as deploy-rs lays them. Targets that
/// nobody had to build yet, since their profiles are there already, are built.
pub(super) async fn keep_results(plan: &Plan, nix: &Nix, folder: &Path) -> Result<(), CliError> {
    // What is built on its node is not here.
    let kept = plan.profiles.iter();
    let kept: Vec<&PlannedProfile> = kept
        .filter(|profile| profile.built_there().is_none())
        .collect();
    let targets = kept.iter().map(|profile| &profile.target);
    let targets: BTreeMap<StorePath, Option<StorePath>> = targets
        .map(|target| (target.path.clone(), target.drv_path.clone()))
        .collect();
    let failures = nix::build(nix, &targets, |_| {}).await?;
    let mut lost = Vec::new();
    for profile in kept {
        let (node, name) = (profile.node.as_str(), profile.profile.as_str());
        if failures.contains_key(&profile.target.path) {
            lost.push(format!("{node}.{name}"));
        } else {
            keep(&profile.target.path, &folder_of(folder, node)?.join(name)).await?;
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    Err(CliError::refused(
        Exit::Failed,
        format!(
            "what these profiles have cannot be built here, and so not be kept: {}",
            lost.join(", ")
        ),
        "nothing was changed on any node; leave them out, or go on without --keep-result",
    ))
}

/// The name of a node may be anything; here it has to be that of a folder.
fn folder_of(results: &Path, node: &str) -> Result<PathBuf, CliError> {
    if node.contains('/') || matches!(node, "." | "..") {
        return Err(CliError::usage(
            format!(
                "node {node:?} cannot have a folder in {}",
                results.display()
            ),
            "rename the node, or leave --keep-result out",
        ));
    }
    let folder = results.join(node);
    std::fs::create_dir_all(&folder)
        .map_err(|source| CliError::io("could not keep results", &folder, source))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let results = Path::new("/nonexistent");
        for name in ["..", ".", "../../etc", "/etc"] {
            let refused = folder_of(results, name);
            assert!(matches!(refused, Err(CliError::Usage { .. })), "{name}");
        }
    }
}
