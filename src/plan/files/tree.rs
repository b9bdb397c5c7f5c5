//! The files of a profile by place, each with a mark that tells whether it is another file.

use std::collections::{BTreeMap, BTreeSet};

use super::secret::is_named_like_a_secret;
use crate::plan::TREE_FILE_MAX;

/// Where store paths lie.
pub const STORE_FOLDER: &str = "/nix/store/";
/// The most files of a profile that are listed.
pub const FILES_MAX: usize = 20_000;
/// The most texts of a profile that are looked at.
const TEXTS_MAX: usize = 1_000;

/// The text of a file, or why there is none to be shown.
pub type FileText = Result<String, String>;

/// What a file is, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileMark {
    /// A file with this hash, or this size where it is large.
    File(String),
    /// A link to a file, or to nothing.
    Link(String),
}

impl FileMark {
    /// Returns where a link leads that is not followed. What lies outside of a store is no part of
    /// the profile, and may well be a secret; what lies beside the link is listed itself.
    pub(super) fn foreign(&self) -> Option<&str> {
        match self {
            Self::Link(text) if !text.starts_with(STORE_FOLDER) => Some(text),
            Self::Link(_) | Self::File(_) => None,
        }
    }
}

/// The files of a profile by their place, such as `etc/ssh/sshd_config`. Folders that are links
/// into a store are listed like others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileTree {
    /// The files.
    pub marks: BTreeMap<String, FileMark>,
    /// The folders that must not be read.
    hidden: BTreeSet<String>,
    /// What could not be looked at.
    pub unseen: BTreeSet<String>,
}

impl FileTree {
    /// Reads a listing: lines of place, kind and mark between tabs. Other lines are what somebody
    /// has to say about files that cannot be looked at.
    pub fn parse(listing: &str) -> Self {
        let mut tree = Self::default();
        for line in listing.lines() {
            let words: Vec<&str> = line.splitn(3, '\t').collect();
            match words[..] {
                [place, ..] if line.contains('\u{fffd}') => {
                    tree.cannot_see(&format!("{place}: its name is no text"));
                }
                [place, "file", hash] => tree.add(place, FileMark::File(hash.to_owned())),
                [place, "link", text] => tree.add(place, FileMark::Link(text.to_owned())),
                [place, "hidden", _] => tree.hide(place),
                _ => tree.cannot_see(line),
            }
        }
        tree
    }

    /// Adds a file.
    pub fn add(&mut self, place: &str, mark: FileMark) {
        if self.marks.len() < FILES_MAX {
            self.marks.insert(place.to_owned(), mark);
        } else {
            self.cannot_see(&format!("there are more than {FILES_MAX} files"));
        }
    }

    /// Adds what cannot be looked at, and why.
    pub fn cannot_see(&mut self, what: &str) {
        self.unseen.insert(what.to_owned());
    }

    /// Adds a folder that must not be read.
    fn hide(&mut self, place: &str) {
        self.cannot_see(&format!("{place}: it must not be read"));
        self.hidden.insert(format!("{place}/"));
    }

    fn hides(&self, place: &str) -> bool {
        let mut hidden = self.hidden.iter();
        hidden.any(|folder| place.starts_with(folder.as_str()))
    }

    /// Returns the places of files that are not the same in both.
    pub(super) fn differing<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a str> {
        let places = self.marks.keys().chain(other.marks.keys());
        let differ = |place: &&String| {
            let is_seen = !self.hides(place) && !other.hides(place);
            is_seen && self.marks.get(*place) != other.marks.get(*place)
        };
        places.filter(differ).map(String::as_str).collect()
    }

    /// Returns the files of this tree whose text says how the two differ. Secrets stay where they
    /// are.
    pub fn wanted(&self, other: &Self) -> Vec<&str> {
        let wanted = self.marks.iter().filter(|(place, mark)| {
            let is_here = mark.foreign().is_none() && !is_named_like_a_secret(place);
            is_here && other.marks.get(*place) != Some(*mark)
        });
        let places = wanted.map(|(place, _)| place.as_str());
        places.take(TEXTS_MAX).collect()
    }
}

/// Returns the text that a file with these first bytes has; one more than [`TREE_FILE_MAX`] is too
/// many.
pub fn text_of_bytes(bytes: Vec<u8>) -> FileText {
    if bytes.len() as u64 > TREE_FILE_MAX {
        return Err(format!("it is larger than {} KiB", TREE_FILE_MAX >> 10));
    }
    let text = String::from_utf8(bytes).ok();
    let text = text.filter(|text| !text.contains('\0'));
    text.ok_or_else(|| "it is no text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read_and_what_is_none_is_told() {
        let tree = FileTree::parse(
            "etc/a\tfile\tsha256:0\netc/b\tlink\t/nix/store/b\nfind: 'x': Permission denied\netc/\u{fffd}\tfile\t1\netc/c\tpipe\t\netc/d\thidden\t\n",
        );
        let other = FileTree::parse("etc/a\tfile\tsha256:0\netc/d/x\tfile\t1\n");
        assert_eq!(
            tree.differing(&other),
            ["etc/b"].into(),
            "of a hidden folder nothing is known"
        );
        assert_eq!(tree.marks.len(), 2);
        let unseen: Vec<&str> = tree.unseen.iter().map(String::as_str).collect();
        assert_eq!(
            unseen,
            [
                "etc/c\tpipe\t",
                "etc/d: it must not be read",
                "etc/\u{fffd}: its name is no text",
                "find: 'x': Permission denied"
            ]
        );
    }

    #[test]
    fn texts_of_what_differs_are_wanted_but_for_secrets_and_other_places() {
        let before = FileTree::parse(
            "a\tfile\t1\nb\tlink\t/nix/store/b\nc\tlink\t/run/c\nd.key\tfile\t1\nsame\tfile\t1\n",
        );
        let after = FileTree::parse("a\tfile\t2\nsame\tfile\t1\nnew\tfile\t1\n");
        assert_eq!(before.wanted(&after), ["a", "b"]);
        assert_eq!(after.wanted(&before), ["a", "new"]);
    }

    proptest::proptest! {
        #[test]
        fn any_listing_is_taken(listing in "([a-c/]{0,4}(\t|\tfile\t|\tlink\t)[/a-c☎]{0,4}\n|.{0,10}\n){0,12}") {
            let tree = FileTree::parse(&listing);
            proptest::prop_assert!(tree.differing(&tree).is_empty());
        }
    }
}
