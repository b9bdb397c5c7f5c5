//! The second read: what changed profiles consist of now, and what their node lacks.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::fields;
use super::script::closures_command;
use crate::host::ConnectionPool;
use crate::model::{AbsolutePath, Connection, RunId, StorePath};
use crate::plan::{Closure, ClosurePath};
use crate::ssh::SshError;

/// What a node has of closures: names and sizes only, nothing is copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeClosures {
    /// The closures of the current paths that are valid there.
    pub current: BTreeMap<StorePath, Closure>,
    /// The candidates that are not valid there; none where that could not be told.
    pub missing: Option<BTreeSet<StorePath>>,
}

/// Reads the closures of `current`, and which of the `candidates` the node lacks.
pub async fn read_closures(
    pool: &ConnectionPool,
    connection: &Connection,
    nix_folder: &AbsolutePath,
    mark: &RunId,
    current: &BTreeSet<&StorePath>,
    candidates: &BTreeSet<&StorePath>,
) -> Result<NodeClosures, SshError> {
    let link = pool.link(connection).await?;
    let current: Vec<&StorePath> = current.iter().copied().collect();
    let command = closures_command(mark.as_str(), nix_folder.as_str(), &current);
    let mut input = String::new();
    for candidate in candidates {
        input.push_str(candidate.as_str());
        input.push('\n');
    }
    let (_, answer) = link
        .run_bytes(("read closures", &command), input.as_bytes())
        .await?;
    let answer = String::from_utf8_lossy(&answer);
    let (fields, _) =
        fields(&answer, mark.as_str()).map_err(|error| SshError::lost(error.to_string()))?;
    Ok(parse(&fields))
}

fn parse(fields: &[&str]) -> NodeClosures {
    let mut closures = NodeClosures::default();
    let mut rest = fields.iter();
    while let Some(key) = rest.next() {
        match *key {
            "closure" => {
                let mut next = || rest.next().copied().unwrap_or_default();
                let (root, paths, sizes, direct) = (next(), next(), next(), next());
                if let (Ok(root), Some(closure)) = (root.parse(), closure(paths, sizes)) {
                    let direct = valid_paths(direct).collect();
                    closures.current.insert(root, closure.with_direct(direct));
                }
            }
            "missing" => {
                let paths = rest.next().copied().unwrap_or_default();
                closures.missing = Some(valid_paths(paths).collect());
            }
            _ => {}
        }
    }
    closures
}

/// Returns nothing where paths and sizes do not belong together: a closure with wrong sizes is
/// worse than none.
fn closure(paths: &str, sizes: &str) -> Option<Closure> {
    let paths: Vec<StorePath> = valid_paths(paths).collect();
    let sizes: Vec<u64> = sizes
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    if paths.is_empty() || paths.len() != sizes.len() {
        return None;
    }
    Some(Closure::new(
        paths
            .into_iter()
            .zip(sizes)
            .map(|(path, size)| ClosurePath { path, size }),
    ))
}

fn valid_paths(text: &str) -> impl Iterator<Item = StorePath> {
    text.lines().filter_map(|line| line.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_is_whole_or_not_there() {
        let path = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a";
        assert_eq!(
            parse(&["closure", path, path, "12", "", "missing", ""])
                .current
                .len(),
            1
        );
        assert_eq!(parse(&["closure", path, path, "", ""]).current.len(), 0);
        assert_eq!(parse(&["closure", path, "", "", ""]).current.len(), 0);
        assert_eq!(
            parse(&["missing", path])
                .missing
                .map(|missing| missing.len()),
            Some(1)
        );
        assert_eq!(parse(&["closure"]), NodeClosures::default());
    }
}
