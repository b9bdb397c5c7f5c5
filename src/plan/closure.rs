//! How two closures differ: packages, sizes, and what has to be copied.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::document::{ClosureChange, PackageChange};
use super::package::Package;
use crate::model::StorePath;

/// A store path and its NAR size in bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosurePath {
    /// The path.
    pub path: StorePath,
    /// Its NAR size.
    pub size: u64,
}

/// All paths that a store path needs, itself included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "UnsortedClosure")]
pub struct Closure {
    /// The paths, sorted.
    paths: Vec<ClosurePath>,
    /// Those that somebody asked for by name, where the closure tells them from the others.
    direct: BTreeSet<StorePath>,
}

/// A closure as anybody may have written it.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Closure")]
#[serde(deny_unknown_fields)]
struct UnsortedClosure {
    paths: Vec<ClosurePath>,
    #[serde(default)]
    direct: BTreeSet<StorePath>,
}

impl From<UnsortedClosure> for Closure {
    fn from(unsorted: UnsortedClosure) -> Self {
        Self::new(unsorted.paths).with_direct(unsorted.direct)
    }
}

impl Closure {
    /// Returns the closure of these paths.
    pub fn new(paths: impl IntoIterator<Item = ClosurePath>) -> Self {
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort();
        paths.dedup();
        Self {
            paths,
            direct: BTreeSet::new(),
        }
    }

    /// Says which of the paths somebody asked for by name.
    #[must_use]
    pub fn with_direct(self, direct: BTreeSet<StorePath>) -> Self {
        Self { direct, ..self }
    }

    /// Returns its paths, sorted.
    pub fn paths(&self) -> &[ClosurePath] {
        &self.paths
    }

    /// Returns the paths that are not in `other`.
    pub fn paths_beyond(&self, other: &Self) -> BTreeSet<StorePath> {
        let paths = self.paths.iter();
        let beyond = paths.filter(|path| other.paths.binary_search(path).is_err());
        beyond.map(|path| path.path.clone()).collect()
    }

    /// Returns its size in bytes.
    pub fn size(&self) -> u64 {
        total(self.paths.iter())
    }
}

/// A node may say what it likes of its sizes.
fn total<'a>(paths: impl Iterator<Item = &'a ClosurePath>) -> u64 {
    paths.map(|path| path.size).fold(0, u64::saturating_add)
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
            .paths
            .iter()
            .filter(|path| self.missing.contains(&path.path));
        ClosureChange {
            size_before: self.before.as_ref().map(Closure::size),
            size_after: self.after.size(),
            bytes_to_copy: total(missing.clone()),
            paths_to_copy: missing.count() as u64,
            packages: compare_packages(
                self.before.as_ref().unwrap_or(&Closure::default()),
                &self.after,
            ),
        }
    }
}

/// The store paths of one name in one closure: version, output and hash of each.
type Builds<'a> = Vec<(String, String, &'a str)>;

fn compare_packages(before: &Closure, after: &Closure) -> Vec<PackageChange> {
    let direct = before.direct.iter().chain(&after.direct);
    let direct: BTreeSet<String> = direct
        .map(|path| Package::from_path_name(path.name()).name)
        .collect();
    let mut by_name = BTreeMap::<String, [Builds<'_>; 2]>::new();
    for (side, closure) in [before, after].into_iter().enumerate() {
        for path in &closure.paths {
            let Package {
                name,
                version,
                output,
            } = Package::from_path_name(path.path.name());
            by_name.entry(name).or_default()[side].push((version, output, path.path.hash()));
        }
    }
    let changes = by_name.into_iter().filter_map(|(name, [before, after])| {
        let direct = direct.contains(&name);
        let change = compare_builds(name, before, after)?;
        Some(PackageChange { direct, ..change })
    });
    changes.collect()
}

fn compare_builds(
    name: String,
    mut before: Builds<'_>,
    mut after: Builds<'_>,
) -> Option<PackageChange> {
    before.sort_unstable();
    after.sort_unstable();
    let lacks = |builds: &Builds<'_>, other: &Builds<'_>| {
        let lacking = builds
            .iter()
            .filter(|build| other.binary_search(build).is_err());
        lacking.count() as u64
    };
    let paths = lacks(&before, &after).max(lacks(&after, &before));
    if paths == 0 {
        return None;
    }
    let (before, after) = versions_that_differ(versions(&before), versions(&after));
    Some(PackageChange::new(name, before, after, paths))
}

/// Returns the versions, each as often as the package was built in it: its outputs are one build.
fn versions(builds: &Builds<'_>) -> Vec<String> {
    let mut outputs = BTreeMap::<(&str, &str), usize>::new();
    for (version, output, _) in builds {
        *outputs.entry((version, output)).or_default() += 1;
    }
    let mut counts = BTreeMap::<&str, usize>::new();
    for ((version, _), count) in outputs {
        let most = counts.entry(version).or_default();
        *most = count.max(*most);
    }
    let repeated = counts
        .into_iter()
        .flat_map(|(version, count)| std::iter::repeat_n(version.to_owned(), count));
    repeated.collect()
}

/// Leaves out the versions that both have, unless one side then had none: one version more or
/// less of a package that is in both is no added or removed package.
fn versions_that_differ(before: Vec<String>, after: Vec<String>) -> (Vec<String>, Vec<String>) {
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for operation in capture_diff_slices(Algorithm::Myers, &before, &after) {
        if !matches!(operation, DiffOp::Equal { .. }) {
            removed.extend_from_slice(&before[operation.old_range()]);
            added.extend_from_slice(&after[operation.new_range()]);
        }
    }
    if removed.is_empty() || added.is_empty() {
        (before, after)
    } else {
        (removed, added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PackageChangeKind;
    use proptest::prelude::*;

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
        assert_eq!(
            change(&[("0/a-1", 1)], &[("0/a-1", 1), ("1/a-1", 1)]),
            [row("a", &["1"], &["1", "1"], 1)]
        );
    }

    #[test]
    fn versions_are_counted_by_builds_and_not_by_outputs() {
        let before = [("0/a-1", 1), ("0/a-1-bin", 1), ("1/a-1", 1), ("0/a-3", 1)];
        let after = [("2/a-2", 1), ("2/a-2-bin", 1), ("0/a-3", 1)];
        assert_eq!(change(&before, &after), [row("a", &["1", "1"], &["2"], 3)]);
    }

    #[test]
    fn what_has_become_of_a_package() {
        use PackageChangeKind::{Added, Changed, Downgraded, Rebuilt, Removed, Upgraded};
        for (before, after, kind) in [
            (&[][..], &["1"][..], Added),
            (&["1"], &[], Removed),
            (&["1", ""], &["1", ""], Rebuilt),
            (&["9", "1"], &["10", "1"], Changed),
            (&["9"], &["10"], Upgraded),
            (&["9", "9"], &["8"], Downgraded),
            (&["1"], &["1.0-0", "1"], Changed),
            (&[""], &["1"], Changed),
        ] {
            let own = |versions: &[&str]| versions.iter().map(ToString::to_string).collect();
            let change = PackageChange::new("a".to_owned(), own(before), own(after), 1);
            assert_eq!(change.kind, kind, "{before:?} {after:?}");
        }
    }

    #[test]
    fn what_somebody_asked_for_by_name_is_marked() {
        let before = closure(&[
            ("0/a-1", 1),
            ("0/a-1-bin", 1),
            ("0/lib-1", 1),
            ("0/old-1", 1),
        ]);
        let after = closure(&[("1/a-2", 1), ("1/a-2-bin", 1), ("1/lib-2", 1)]);
        let direct = |closure: &Closure, name: &str| {
            let paths = closure.paths().iter().map(|path| path.path.clone());
            let direct = paths.filter(|path| path.name() == name).collect();
            closure.clone().with_direct(direct)
        };
        let pair = ClosurePair {
            before: Some(direct(&before, "old-1")),
            after: direct(&after, "a-2-bin"),
            missing: BTreeSet::new(),
        };
        let packages = pair.compare().packages.into_iter();
        let marked: Vec<_> = packages.map(|it| (it.name, it.direct)).collect();
        let expected = [("a", true), ("lib", false), ("old", true)];
        assert_eq!(
            marked,
            expected.map(|(name, direct)| (name.to_owned(), direct))
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

    fn any_paths() -> impl Strategy<Value = BTreeSet<String>> {
        proptest::collection::btree_set("[0-3]/[a-c]{1,2}(-[0-2]){0,1}(-bin){0,1}", 0..20)
    }

    fn refs(paths: &BTreeSet<String>) -> Vec<(&str, u64)> {
        paths.iter().map(|path| (path.as_str(), 1)).collect()
    }

    proptest! {
        #[test]
        fn equal_closures_do_not_differ(paths in any_paths()) {
            prop_assert!(change(&refs(&paths), &refs(&paths)).is_empty());
        }

        #[test]
        fn the_way_back_is_the_opposite(one in any_paths(), other in any_paths()) {
            let there = change(&refs(&one), &refs(&other));
            let mut back = change(&refs(&other), &refs(&one));
            for (_, before, after, _) in &mut back {
                std::mem::swap(before, after);
            }
            prop_assert_eq!(there, back);
        }

        #[test]
        fn every_name_with_a_path_of_its_own_is_told(one in any_paths(), other in any_paths()) {
            let name = |path: &String| Package::from_path_name(path.split_once('/').unwrap().1).name;
            let differing: BTreeSet<String> = one.symmetric_difference(&other).map(name).collect();
            let told: Vec<String> = change(&refs(&one), &refs(&other))
                .into_iter()
                .map(|(name, ..)| name)
                .collect();
            prop_assert_eq!(told, differing.into_iter().collect::<Vec<_>>());
        }
    }
}
