//! What the store has registered of its paths: their sizes and references. `nix-store --dump-db` prints it in the form
//! that `--load-db` reads, which no version of Nix has changed: path, hash, size, deriver, number of references, and
//! these, one in a line each.

use std::collections::BTreeSet;

use super::NixError;
use super::closure::{BATCH, DOING};
use super::command::{Nix, output};
use crate::model::StorePath;
use crate::plan::{Closure, ClosurePath};

/// Paths with what they need: whatever one refers to is among them.
#[derive(Debug)]
pub(super) struct Registrations {
    /// Sorted, so that a path is known by its number.
    paths: Vec<StorePath>,
    registered: Vec<Registration>,
}

#[derive(Debug, Clone, Default)]
struct Registration {
    size: u64,
    references: Vec<usize>,
}

impl Registrations {
    /// Reads what these valid paths and all that they need are registered as.
    pub(super) async fn read(roots: &BTreeSet<StorePath>) -> Result<Self, NixError> {
        let roots: Vec<&StorePath> = roots.iter().collect();
        let mut paths = BTreeSet::new();
        for batch in roots.chunks(BATCH) {
            let query = Nix::store(&["--query", "--requisites"])
                .args(batch.iter().map(|path| path.as_str()));
            let text = output(&query, DOING).await?;
            paths.extend(text.lines().filter_map(|line| line.parse().ok()));
        }
        let mut registrations = Self::of(paths);
        for batch in registrations.paths.clone().chunks(BATCH) {
            let query = Nix::store(&["--dump-db"]).args(batch.iter().map(StorePath::as_str));
            let text = output(&query, DOING).await?;
            registrations.take(&text).ok_or_else(|| NixError::Failed {
                doing: DOING,
                stderr: "nix-store --dump-db has printed something else than registrations"
                    .to_owned(),
            })?;
        }
        Ok(registrations)
    }

    fn of(paths: BTreeSet<StorePath>) -> Self {
        Self {
            registered: vec![Registration::default(); paths.len()],
            paths: paths.into_iter().collect(),
        }
    }

    /// Takes in what was printed. None where it does not have that form.
    fn take(&mut self, text: &str) -> Option<()> {
        let mut lines = text.lines();
        while let Some(path) = lines.next() {
            let (_hash, size, _deriver) = (lines.next()?, lines.next()?, lines.next()?);
            let count: usize = lines.next()?.parse().ok()?;
            let mut references = Vec::new();
            for _ in 0..count {
                references.extend(self.number(lines.next()?));
            }
            if let Some(number) = self.number(path) {
                let size = size.parse().ok()?;
                self.registered[number] = Registration { size, references };
            }
        }
        Some(())
    }

    fn number(&self, path: &str) -> Option<usize> {
        let compare = |other: &StorePath| other.as_str().cmp(path);
        self.paths.binary_search_by(compare).ok()
    }

    /// Returns everything that a path needs, itself included.
    pub(super) fn closure(&self, root: &StorePath) -> Closure {
        let mut needed: BTreeSet<usize> = self.number(root.as_str()).into_iter().collect();
        let mut unseen: Vec<usize> = needed.iter().copied().collect();
        while let Some(number) = unseen.pop() {
            let references = self.registered[number].references.iter();
            unseen.extend(references.filter(|reference| needed.insert(**reference)));
        }
        Closure::new(needed.into_iter().map(|number| ClosurePath {
            path: self.paths[number].clone(),
            size: self.registered[number].size,
        }))
    }

    /// Returns what a path names itself.
    pub(super) fn references(&self, path: &StorePath) -> BTreeSet<StorePath> {
        let registered = self
            .number(path.as_str())
            .map(|number| &self.registered[number]);
        let references = registered.into_iter().flat_map(|known| &known.references);
        references
            .map(|&number| self.paths[number].clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::model::mutated::saved_cases;

    fn path(name: char) -> StorePath {
        let hash = "0".repeat(32);
        format!("/nix/store/{hash}-{name}").parse().unwrap()
    }

    /// As Nix prints it: a path may refer to itself, and need not have a deriver.
    fn printed(entries: &[(char, u64, &str)]) -> String {
        let mut text = String::new();
        for (name, size, references) in entries {
            let count = references.len();
            let _ = writeln!(text, "{}\n8679fb3b\n{size}\n\n{count}", path(*name));
            for reference in references.chars() {
                let _ = writeln!(text, "{}", path(reference));
            }
        }
        text
    }

    fn registrations(entries: &[(char, u64, &str)]) -> Registrations {
        let paths = entries.iter().map(|(name, ..)| path(*name));
        let mut registrations = Registrations::of(paths.collect());
        registrations.take(&printed(entries)).unwrap();
        registrations
    }

    #[test]
    fn a_closure_is_what_can_be_reached() {
        let registrations =
            registrations(&[('a', 1, "ab"), ('b', 2, "c"), ('c', 4, "b"), ('d', 8, "c")]);
        let sizes = |root| registrations.closure(&path(root)).size();
        assert_eq!(['a', 'b', 'c', 'd', 'e'].map(sizes), [7, 6, 6, 14, 0]);
        let references = registrations.references(&path('a'));
        assert_eq!(references, BTreeSet::from([path('a'), path('b')]));
    }

    #[test]
    fn other_text_is_refused() {
        let whole = printed(&[('a', 1, "ab")]);
        let mut registrations = Registrations::of(BTreeSet::from([path('a'), path('b')]));
        for cut in [1, 2, 3, 4, 5, 6] {
            let lines: Vec<&str> = whole.lines().take(cut).collect();
            assert_eq!(registrations.take(&lines.join("\n")), None, "{cut} lines");
        }
        assert_eq!(registrations.take(&whole), Some(()));
    }

    const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/registrations.txt");

    proptest! {
        #![proptest_config(saved_cases(SAVED))]

        #[test]
        fn lines_that_are_lost_or_replaced_do_no_harm(
            edits in vec((any::<Index>(), prop_oneof!["", "[0-9]{1,20}", "/nix/store/.{0,40}"]), 1..4)
        ) {
            let whole = printed(&[('a', 1, "ab"), ('b', 2, "c"), ('c', 4, "b")]);
            let mut lines: Vec<String> = whole.lines().map(ToOwned::to_owned).collect();
            for (place, line) in edits {
                let place = place.index(lines.len());
                lines.splice(place..=place, Some(line).filter(|line| !line.is_empty()));
            }
            let mut registrations = Registrations::of(['a', 'b', 'c'].map(path).into());
            registrations.take(&lines.join("\n"));
            let closure = registrations.closure(&path('a'));
            prop_assert!((1..=3).contains(&closure.paths().len()));
        }
    }
}
