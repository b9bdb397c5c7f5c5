//! Reading the operator's store: closures, sizes, validity; and adding a file to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::NixError;
use super::command::{Nix, output};
use crate::model::StorePath;
use crate::plan::{Closure, ClosurePath};

/// Most paths on one command line, well below the system's limit.
const BATCH: usize = 2000;
const DOING: &str = "reading closures";
/// Where a NixOS system and a home of home-manager keep what somebody asked for by name. A node is
/// asked for the same (`closures.sh`).
const ENVIRONMENTS: [&str; 2] = ["sw", "home-path"];

/// Returns the closures of these valid paths.
pub async fn closures(
    roots: &BTreeSet<StorePath>,
) -> Result<BTreeMap<StorePath, Closure>, NixError> {
    let mut paths_of = BTreeMap::new();
    for root in roots {
        let query = Nix::store(&["--query", "--requisites"]).arg(root.as_str());
        let paths: Vec<StorePath> = parse_paths(&output(&query, DOING).await?);
        paths_of.insert(root.clone(), paths);
    }
    let all: BTreeSet<StorePath> = paths_of.values().flatten().cloned().collect();
    let sizes = sizes(&all.into_iter().collect::<Vec<_>>()).await?;
    let with_size = |path: &StorePath| ClosurePath {
        path: path.clone(),
        size: sizes.get(path).copied().unwrap_or(0),
    };
    let mut closures = BTreeMap::new();
    for (root, paths) in paths_of {
        let closure = Closure::new(paths.iter().map(with_size));
        let direct = direct(&root).await?;
        closures.insert(root, closure.with_direct(direct));
    }
    Ok(closures)
}

/// Returns the packages that a closure's own environment names, such as
/// `environment.systemPackages` of a NixOS system.
async fn direct(root: &StorePath) -> Result<BTreeSet<StorePath>, NixError> {
    let environments = ENVIRONMENTS.iter().filter_map(|name| {
        let path = Path::new(root.as_str()).join(name).canonicalize().ok()?;
        path.to_str()?.parse::<StorePath>().ok()
    });
    let environments: Vec<StorePath> = environments.collect();
    if environments.is_empty() {
        return Ok(BTreeSet::new());
    }
    let query =
        Nix::store(&["--query", "--references"]).args(environments.iter().map(StorePath::as_str));
    Ok(parse_paths(&output(&query, DOING).await?)
        .into_iter()
        .collect())
}

async fn sizes(paths: &[StorePath]) -> Result<BTreeMap<StorePath, u64>, NixError> {
    let mut sizes = BTreeMap::new();
    for batch in paths.chunks(BATCH) {
        let query = Nix::store(&["--query", "--size"]).args(batch.iter().map(StorePath::as_str));
        let text = output(&query, DOING).await?;
        let numbers = text.lines().map(|line| line.trim().parse().unwrap_or(0));
        sizes.extend(batch.iter().cloned().zip(numbers));
    }
    Ok(sizes)
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
