//! What has become of the files of a profile.

use std::collections::BTreeMap;

use super::hashes::without_hashes;
use super::lines::{DiffLine, differing_lines};
use super::secret::{holds_a_secret, is_named_like_a_secret};
use super::tree::{FileText, FileTree};

/// The files of a profile, and the texts of those that differ from another's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileFiles {
    /// All files.
    pub tree: FileTree,
    /// The texts that were wanted.
    pub texts: BTreeMap<String, FileText>,
}

/// How the files of a profile change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileChanges {
    /// The files, by place.
    pub files: Vec<FileChange>,
    /// How many others differ in nothing but hashes of store paths.
    pub rebuilt: usize,
    /// What could not be looked at.
    pub unseen: Vec<String>,
}

/// How a file changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileChange {
    /// Its place in the profile.
    pub place: String,
    /// What has become of it.
    pub kind: FileChangeKind,
    /// How it differs.
    pub difference: FileDifference,
}

/// What has become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
}

/// How a file differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileDifference {
    /// In these lines, with a few around them.
    Lines(Vec<DiffLine>),
    /// In what is not shown: says why, or what it is.
    Named(String),
}

/// What one side has at a place.
enum Side<'a> {
    Nothing,
    Text(&'a str),
    Link(&'a str),
    Unseen(&'a str),
}

impl ProfileFiles {
    /// Returns how the files change that become these.
    pub fn changes_to(&self, after: &Self) -> FileChanges {
        let unseen = self.tree.unseen.union(&after.tree.unseen);
        let mut changes = FileChanges {
            unseen: unseen.cloned().collect(),
            ..FileChanges::default()
        };
        for place in self.tree.differing(&after.tree) {
            let kind = match (
                self.tree.marks.contains_key(place),
                after.tree.marks.contains_key(place),
            ) {
                (false, _) => FileChangeKind::Added,
                (true, false) => FileChangeKind::Removed,
                (true, true) => FileChangeKind::Changed,
            };
            match difference(place, &self.side(place), &after.side(place)) {
                Compared::Same => {}
                Compared::Rebuilt => changes.rebuilt += 1,
                Compared::Differs(difference) => changes.files.push(FileChange {
                    place: place.to_owned(),
                    kind,
                    difference,
                }),
            }
        }
        changes
    }

    fn side(&self, place: &str) -> Side<'_> {
        let Some(mark) = self.tree.marks.get(place) else {
            return Side::Nothing;
        };
        match (mark.foreign(), self.texts.get(place)) {
            (Some(link), _) => Side::Link(link),
            (None, Some(Ok(text))) => Side::Text(text),
            (None, Some(Err(reason))) => Side::Unseen(reason),
            (None, None) => Side::Unseen("it is one of too many that differ"),
        }
    }
}

impl FileChanges {
    /// Returns that nothing could be looked at.
    pub fn unseen(reason: String) -> Self {
        Self {
            unseen: vec![reason],
            ..Self::default()
        }
    }
}

enum Compared {
    Same,
    Rebuilt,
    Differs(FileDifference),
}

fn difference(place: &str, before: &Side<'_>, after: &Side<'_>) -> Compared {
    let named = |reason: String| Compared::Differs(FileDifference::Named(reason));
    if is_named_like_a_secret(place) {
        return named("it is named like a secret".to_owned());
    }
    match (before, after) {
        (Side::Unseen(reason), _) | (_, Side::Unseen(reason)) => named((*reason).to_owned()),
        (Side::Link(before), Side::Link(after)) => {
            named(format!("it links to {after}, and did to {before}"))
        }
        (_, Side::Link(link)) => named(format!("it links to {link}")),
        (Side::Link(link), _) => named(format!("it linked to {link}")),
        (Side::Text(before), Side::Text(after)) => of_texts(before, after),
        (Side::Nothing, Side::Text("")) | (Side::Text(""), Side::Nothing) => {
            named("it is empty".to_owned())
        }
        (Side::Nothing, Side::Text(after)) => of_texts("", after),
        (Side::Text(before), Side::Nothing) => of_texts(before, ""),
        (Side::Nothing, Side::Nothing) => Compared::Same,
    }
}

fn of_texts(before: &str, after: &str) -> Compared {
    if before == after {
        return Compared::Same;
    }
    if holds_a_secret(before) || holds_a_secret(after) {
        let reason = "it seems to hold a secret".to_owned();
        return Compared::Differs(FileDifference::Named(reason));
    }
    let (before, after) = (without_hashes(before), without_hashes(after));
    if before == after {
        return Compared::Rebuilt;
    }
    Compared::Differs(FileDifference::Lines(differing_lines(&before, &after)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::files::DiffLineKind;

    fn files(listing: &str, texts: &[(&str, Result<&str, &str>)]) -> ProfileFiles {
        let own = |text: &Result<&str, &str>| text.map(str::to_owned).map_err(str::to_owned);
        ProfileFiles {
            tree: FileTree::parse(listing),
            texts: texts
                .iter()
                .map(|(place, text)| ((*place).to_owned(), own(text)))
                .collect(),
        }
    }

    #[test]
    fn every_kind_of_difference() {
        use FileChangeKind::{Added, Changed, Removed};
        let hash = |digit: &str| format!("/nix/store/{}-a", digit.repeat(32));
        let (zero, one) = (hash("0"), hash("1"));
        let before = files(
            "bin\tfile\t1\nequal\tlink\t/nix/store/1\ngone\tfile\t1\nhome\tlink\t/home/a\nrebuilt\tfile\t1\ns.key\tfile\t1\nset\tfile\t1\ntext\tfile\t1\nfind: 'x'\n",
            &[
                ("bin", Err("it is no text")),
                ("equal", Ok("a")),
                ("gone", Ok("a\n")),
                ("rebuilt", Ok(&zero)),
                ("set", Ok("a")),
                ("text", Ok("a\nb\n")),
            ],
        );
        let after = files(
            "bin\tfile\t2\nequal\tlink\t/nix/store/2\nhome\tlink\t/home/b\nmany\tfile\t1\nrebuilt\tfile\t2\ns.key\tfile\t2\nset\tfile\t2\ntext\tfile\t2\n",
            &[
                ("bin", Ok("text")),
                ("equal", Ok("a")),
                ("rebuilt", Ok(&one)),
                ("set", Ok("password=b")),
                ("text", Ok("a\nc\n")),
            ],
        );
        let changes = before.changes_to(&after);
        assert_eq!(changes.rebuilt, 1);
        assert_eq!(changes.unseen, ["find: 'x'"]);
        let told = changes.files.iter().map(|file| {
            let difference = match &file.difference {
                FileDifference::Named(reason) => reason.clone(),
                FileDifference::Lines(lines) => {
                    let changed = lines.iter().filter(|line| {
                        matches!(line.kind, DiffLineKind::Added | DiffLineKind::Removed)
                    });
                    changed.map(|line| line.text.as_str()).collect()
                }
            };
            (file.place.as_str(), file.kind, difference)
        });
        let told: Vec<_> = told.collect();
        let expected = [
            ("bin", Changed, "it is no text"),
            ("gone", Removed, "a"),
            ("home", Changed, "it links to /home/b, and did to /home/a"),
            ("many", Added, "it is one of too many that differ"),
            ("s.key", Changed, "it is named like a secret"),
            ("set", Changed, "it seems to hold a secret"),
            ("text", Changed, "bc"),
        ];
        assert_eq!(
            told,
            expected.map(|(place, kind, words)| (place, kind, words.to_owned()))
        );
    }
}
