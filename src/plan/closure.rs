//! How two closures differ: packages, sizes, and what has to be copied.

use std::collections::{BTreeMap, BTreeSet};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::document::{ClosureChange, PackageChange};
use super::package::Package;
use crate::model::StorePath;

/// A store path and its NAR size in bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClosurePath {
    /// The path.
    pub path: StorePath,
    /// Its NAR size.
    pub size: u64,
}

/// All paths that a store path needs, itself included, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closure(Vec<ClosurePath>);

impl Closure {
    /// Returns the closure of these paths.
    pub fn new(paths: impl IntoIterator<Item = ClosurePath>) -> Self {
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort();
        paths.dedup();
        Self(paths)
    }

    /// Returns its paths, sorted.
    pub fn paths(&self) -> &[ClosurePath] {
        &self.0
    }

    /// Returns its size in bytes.
    pub fn size(&self) -> u64 {
        self.0.iter().map(|path| path.size).sum()
    }
}

/// The two closures of a profile, and what its node lacks of the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosurePair {
    /// The current closure; none where there is no current one.
    pub before: Option<Closure>,
    /// The target's closure.
    pub after: Closure,
    /// The paths of `after` that the node does not have.
    pub missing: BTreeSet<StorePath>,
}

impl ClosurePair {
    /// Returns how the closures differ.
    pub fn compare(&self) -> ClosureChange {
        let missing = self
            .after
            .0
            .iter()
            .filter(|path| self.missing.contains(&path.path));
        ClosureChange {
            size_before: self.before.as_ref().map(Closure::size),
            size_after: self.after.size(),
            bytes_to_copy: missing.clone().map(|path| path.size).sum(),
            paths_to_copy: missing.count() as u64,
            packages: compare_packages(
                self.before.as_ref().map_or(&[], |before| &before.0),
                &self.after.0,
            ),
        }
    }
}

/// The store paths of one package that only one of two closures has.
#[derive(Default)]
struct Difference {
    before: Vec<String>,
    after: Vec<String>,
}

fn compare_packages(before: &[ClosurePath], after: &[ClosurePath]) -> Vec<PackageChange> {
    let (before, after) = (packages(before), packages(after));
    let mut differences = BTreeMap::<String, Difference>::new();
    for operation in capture_diff_slices(Algorithm::Myers, &before, &after) {
        let (removed, added) = match operation {
            DiffOp::Equal { .. } => continue,
            _ => (
                &before[operation.old_range()],
                &after[operation.new_range()],
            ),
        };
        for (package, _) in removed {
            differences
                .entry(package.name.clone())
                .or_default()
                .before
                .push(package.version.clone());
        }
        for (package, _) in added {
            differences
                .entry(package.name.clone())
                .or_default()
                .after
                .push(package.version.clone());
        }
    }
    differences
        .into_iter()
        .map(|(name, difference)| describe(name, difference, &before, &after))
        .collect()
}

fn packages(paths: &[ClosurePath]) -> Vec<(Package, &str)> {
    let mut packages: Vec<_> = paths
        .iter()
        .map(|path| (Package::from_path_name(path.path.name()), path.path.hash()))
        .collect();
    packages.sort();
    packages
}

fn describe(
    name: String,
    mut difference: Difference,
    before: &[(Package, &str)],
    after: &[(Package, &str)],
) -> PackageChange {
    let paths = difference.before.len().max(difference.after.len()) as u64;
    // One more or one less path of a package that is in both is no added or removed package.
    if difference.before.is_empty() || difference.after.is_empty() {
        let (all_before, all_after) = (versions_of(&name, before), versions_of(&name, after));
        if !all_before.is_empty() && !all_after.is_empty() {
            difference = Difference {
                before: all_before,
                after: all_after,
            };
        }
    }
    PackageChange {
        name,
        before: distinct(difference.before),
        after: distinct(difference.after),
        paths,
    }
}

fn versions_of(name: &str, packages: &[(Package, &str)]) -> Vec<String> {
    let start = packages.partition_point(|(package, _)| package.name.as_str() < name);
    let same = packages[start..]
        .iter()
        .take_while(|(package, _)| package.name == name);
    same.map(|(package, _)| package.version.clone()).collect()
}

fn distinct(mut versions: Vec<String>) -> Vec<String> {
    versions.sort();
    versions.dedup();
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closure(paths: &[(&str, u64)]) -> Closure {
        Closure::new(paths.iter().map(|(name, size)| {
            let (hash, name) = name.split_once('/').unwrap_or(("0", name));
            let path = format!("/nix/store/{}-{name}", hash.repeat(32));
            ClosurePath {
                path: path.parse().unwrap(),
                size: *size,
            }
        }))
    }

    fn change(
        before: &[(&str, u64)],
        after: &[(&str, u64)],
    ) -> Vec<(String, Vec<String>, Vec<String>, u64)> {
        let pair = ClosurePair {
            before: Some(closure(before)),
            after: closure(after),
            missing: BTreeSet::new(),
        };
        let packages = pair.compare().packages.into_iter();
        packages
            .map(|package| (package.name, package.before, package.after, package.paths))
            .collect()
    }

    fn row(
        name: &str,
        before: &[&str],
        after: &[&str],
        paths: u64,
    ) -> (String, Vec<String>, Vec<String>, u64) {
        let own = |versions: &[&str]| versions.iter().map(ToString::to_string).collect();
        (name.to_owned(), own(before), own(after), paths)
    }

    #[test]
    fn packages_are_paired_by_name() {
        let before = [
            ("0/openssl-3.0.13", 1),
            ("0/openssl-3.0.13-bin", 1),
            ("0/same-1", 1),
            ("0/gone-1", 1),
            ("0/a-1", 1),
        ];
        let after = [
            ("1/openssl-3.0.14", 1),
            ("1/openssl-3.0.14-bin", 1),
            ("0/same-1", 1),
            ("1/new-2", 1),
            ("1/a-1", 1),
        ];
        assert_eq!(
            change(&before, &after),
            [
                row("a", &["1"], &["1"], 1),
                row("gone", &["1"], &[], 1),
                row("new", &[], &["2"], 1),
                row("openssl", &["3.0.13"], &["3.0.14"], 2),
            ]
        );
    }

    #[test]
    fn a_second_path_of_a_known_package_is_not_an_added_package() {
        assert_eq!(
            change(&[("0/a-1", 1)], &[("0/a-1", 1), ("1/a-2", 1)]),
            [row("a", &["1"], &["1", "2"], 1)]
        );
    }

    #[test]
    fn sizes_and_what_is_missing() {
        let after = closure(&[("0/a-1", 5), ("1/b-1", 7)]);
        let missing = BTreeSet::from([after.paths()[1].path.clone()]);
        let change = ClosurePair {
            before: None,
            after,
            missing,
        }
        .compare();
        assert_eq!((change.size_before, change.size_after), (None, 12));
        assert_eq!((change.bytes_to_copy, change.paths_to_copy), (7, 1));
    }

    proptest::proptest! {
        #[test]
        fn equal_closures_do_not_differ(names in proptest::collection::vec("[a-c]{1,2}-[0-2]", 0..20)) {
            let paths: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
            proptest::prop_assert!(change(&paths, &paths).is_empty());
        }
    }
}
