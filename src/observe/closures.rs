//! The second read: what changed profiles consist of now, and what their node lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::answer::fields;
use super::script::closures_command;
use super::units::{self, NodeUnits, UnitsQuestion};
use crate::host::ConnectionPool;
use crate::model::{AbsolutePath, Connection, RunId, StorePath};
use crate::plan::{Closure, ClosurePath, UnitsOfProfile};
use crate::ssh::SshError;

/// What a node has of closures: names and sizes only, nothing is copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeClosures {
    /// The closures of the current paths that are valid there.
    pub current: BTreeMap<StorePath, Closure>,
    /// The candidates that are not valid there; none where that could not be told.
    pub missing: Option<BTreeSet<StorePath>>,
    /// Its units and those of each target that was asked about; none where it has none.
    pub units: Vec<Option<UnitsOfProfile>>,
}

/// What a node is asked in the second read.
#[derive(Debug)]
pub struct ClosuresQuestion<'a> {
    /// The folder of its Nix programs.
    pub nix_folder: &'a AbsolutePath,
    /// The paths whose closures are wanted.
    pub current: BTreeSet<&'a StorePath>,
    /// The paths that it may lack.
    pub candidates: BTreeSet<&'a StorePath>,
    /// The units that it gets, to be compared with its own: of one system at most, and of homes.
    pub units: &'a [UnitsQuestion],
}

/// Asks a node what it has.
pub async fn read_closures(
    pool: &ConnectionPool,
    connection: &Connection,
    mark: &RunId,
    question: &ClosuresQuestion<'_>,
) -> Result<NodeClosures, SshError> {
    let link = pool.link(connection).await?;
    let current: Vec<&StorePath> = question.current.iter().copied().collect();
    let command = closures_command(mark.as_str(), question.nix_folder.as_str(), &current);
    let mut input = String::new();
    for path in &question.candidates {
        let _ = writeln!(input, "path {path}");
    }
    input.push_str(&units::question(question.units));
    let (_, answer) = link
        .run_bytes(("read closures", &command), input.as_bytes())
        .await?;
    let answer = String::from_utf8_lossy(&answer);
    let (fields, _) =
        fields(&answer, mark.as_str()).map_err(|error| SshError::lost(error.to_string()))?;
    let (mut closures, units) = parse(&fields);
    closures.units = units.pairs(question.units);
    Ok(closures)
}

fn parse(fields: &[&str]) -> (NodeClosures, NodeUnits) {
    let mut closures = NodeClosures::default();
    let mut units = NodeUnits::default();
    let mut rest = fields.iter();
    while let Some(key) = rest.next() {
        let mut next = || rest.next().copied().unwrap_or_default();
        match *key {
            "closure" => {
                let (root, paths, sizes, direct) = (next(), next(), next(), next());
                if let (Ok(root), Some(closure)) = (root.parse(), closure(paths, sizes)) {
                    let direct = valid_paths(direct).collect();
                    closures.current.insert(root, closure.with_direct(direct));
                }
            }
            "missing" => {
                closures.missing = Some(valid_paths(next()).collect());
            }
            key => {
                units.take(key, next);
            }
        }
    }
    (closures, units)
}

/// Reads paths, each with its size behind it or all sizes in lines of their own. Returns nothing where they do not belong
/// together: a closure with wrong sizes is worse than none.
fn closure(paths: &str, sizes: &str) -> Option<Closure> {
    let mut sizes = sizes.lines();
    let path = |line: &str| {
        let (path, size) = match line.split_once(char::is_whitespace) {
            Some((path, size)) => (path, size),
            None => (line, sizes.next()?),
        };
        Some(ClosurePath {
            path: path.parse().ok()?,
            size: size.trim().parse().ok()?,
        })
    };
    let paths: Option<Vec<ClosurePath>> = paths.trim().lines().map(path).collect();
    let is_whole = |paths: &Vec<ClosurePath>| !paths.is_empty() && sizes.next().is_none();
    paths.filter(is_whole).map(Closure::new)
}

fn valid_paths(text: &str) -> impl Iterator<Item = StorePath> {
    text.lines().filter_map(|line| line.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mutated::{mutated, saved_cases};
    use crate::plan::{ClosurePair, TargetUnits};
    use proptest::prelude::*;

    const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/closures.txt");
    /// An answer, whose fields of several lines are lists.
    const ANSWER: &str = r#"[
        "closure", "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a",
        ["/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a\t12", "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-b-1\t18446744073709551615"],
        "", ["/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-b-1"],
        "closure", "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-c",
        ["/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-c", "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-d"],
        ["18446744073709551615", "7"], "",
        "missing", ["/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-e"],
        "units", "system", ["a.service\t/nix/store/a", "b.service.d/x.conf\tsha256:0"],
        "file", "a.service", "text", "[Unit]\nA=1\n.",
        "unseen", "find: './x.d': Permission denied",
        "fstab", "/dev/sda / ext4 defaults 0 1\n"
    ]"#;

    /// Returns the fields of a list, or whatever else came of it.
    fn field(value: &serde_json::Value) -> String {
        match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(lines) => {
                lines.iter().map(|line| field(line) + "\n").collect()
            }
            other => other.to_string(),
        }
    }

    fn answer(text: &str) -> Vec<String> {
        match serde_json::from_str(text) {
            Ok(serde_json::Value::Array(fields)) => fields.iter().map(field).collect(),
            _ => text.split(',').map(str::to_owned).collect(),
        }
    }

    fn closures(fields: &[&str]) -> NodeClosures {
        parse(fields).0
    }

    #[test]
    fn a_closure_is_whole_or_not_there() {
        let path = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a";
        let whole = closures(&["closure", path, path, "12", "", "missing", ""]);
        assert_eq!(whole.current.len(), 1);
        let in_one = format!("{path}\t         12\n");
        assert_eq!(
            closures(&["closure", path, &in_one, "", "", "missing", ""]),
            whole
        );
        for cut in [
            ["closure", path, path, "", ""],
            ["closure", path, "", "", ""],
            ["closure", path, path, "12\n13", ""],
            ["closure", path, path, "x", ""],
        ] {
            assert_eq!(closures(&cut).current.len(), 0);
        }
        let missing = closures(&["missing", path]).missing;
        assert_eq!(missing.map(|missing| missing.len()), Some(1));
        assert_eq!(closures(&["closure"]), NodeClosures::default());
    }

    proptest! {
        #![proptest_config(saved_cases(SAVED))]

        #[test]
        fn a_closure_is_what_the_node_said_or_not_there(text in mutated(ANSWER)) {
            let answer = answer(&text);
            let fields: Vec<&str> = answer.iter().map(String::as_str).collect();
            let (read, units) = parse(&fields);
            for closure in read.current.values() {
                for path in closure.paths() {
                    let told = answer.iter().any(|field| field.contains(path.path.as_str()));
                    prop_assert!(told, "{}", path.path);
                }
                let pair = ClosurePair {
                    before: Some(closure.clone()),
                    after: closure.clone(),
                    missing: closure.paths_beyond(&Closure::default()),
                };
                let change = pair.compare();
                prop_assert_eq!(change.bytes_to_copy, closure.size());
                prop_assert!(change.packages.is_empty());
            }
            let question = UnitsQuestion {
                current: None,
                target: TargetUnits::System(Box::default()),
            };
            let pairs = units.pairs(&[question]).into_iter().flatten();
            pairs.for_each(|pair| drop(pair.changes()));
        }
    }
}
