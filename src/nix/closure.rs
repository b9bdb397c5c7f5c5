//! Reading the operator's store: closures and validity; and adding a file to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::NixError;
use super::command::{Nix, output};
use super::registration::Registrations;
use crate::model::StorePath;
use crate::plan::Closure;

/// Most paths on one command line, well below the system's limit.
pub(super) const BATCH: usize = 2000;
pub(super) const DOING: &str = "reading closures";
/// Where a NixOS system and a home of home-manager keep what somebody asked for by name. A node is
/// asked for the same (`closures.sh`).
const ENVIRONMENTS: [&str; 2] = ["sw", "home-path"];

/// Returns the closures of these valid paths.
///
/// # Errors
/// Where Nix fails, as it does for a path that is not valid.
pub async fn closures(
    roots: &BTreeSet<StorePath>,
) -> Result<BTreeMap<StorePath, Closure>, NixError> {
    let registrations = Registrations::read(roots).await?;
    let closure = |root: &StorePath| {
        let closure = registrations.closure(root);
        closure.with_direct(direct(root, &registrations))
    };
    Ok(roots
        .iter()
        .map(|root| (root.clone(), closure(root)))
        .collect())
}

/// Returns the packages that a closure's own environment names, such as
/// `environment.systemPackages` of a NixOS system.
fn direct(root: &StorePath, registrations: &Registrations) -> BTreeSet<StorePath> {
    let environments = ENVIRONMENTS.iter().filter_map(|name| {
        let path = Path::new(root.as_str()).join(name).canonicalize().ok()?;
        path.to_str()?.parse::<StorePath>().ok()
    });
    environments
        .flat_map(|path| registrations.references(&path))
        .collect()
}

/// Returns those of the paths that are not valid here.
pub async fn invalid_paths<'a>(
    paths: impl Iterator<Item = &'a StorePath>,
) -> Result<Vec<StorePath>, NixError> {
    let paths: Vec<&StorePath> = paths.collect();
    let mut invalid = Vec::new();
    for batch in paths.chunks(BATCH) {
        let query = Nix::store(&["--check-validity", "--print-invalid"])
            .args(batch.iter().map(|path| path.as_str()));
        invalid.extend(parse_paths(&output(&query, DOING).await?));
    }
    Ok(invalid)
}

/// Adds a file to the store by its content, which every store takes without a signature.
pub async fn add_file(file: &Path) -> Result<StorePath, NixError> {
    const DOING: &str = "adding the agent to the store";
    let text = output(&Nix::store(&["--add"]).arg(file), DOING).await?;
    let path = parse_paths(&text).into_iter().next();
    path.ok_or(NixError::Failed {
        doing: DOING,
        stderr: text,
    })
}

fn parse_paths(text: &str) -> Vec<StorePath> {
    text.lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect()
}
