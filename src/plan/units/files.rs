//! The unit files of a target, and how those of its node differ from them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::tree::{UnitEntry, UnitTree};

/// The unit files of one folder, and for each place a mark: the text of the link there, or a hash
/// of the file. Where two systems have the same mark, they have the same file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitFiles {
    /// The files.
    pub tree: UnitTree,
    /// The marks, by place.
    pub marks: BTreeMap<String, String>,
}

/// What of a system its units follow from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemUnits {
    /// `etc/systemd/system`.
    pub system: UnitFiles,
    /// `etc/systemd/user`.
    pub user: UnitFiles,
    /// Whether activating it restarts units of users who are logged in.
    pub restarts_users: bool,
    /// `etc/fstab`.
    pub fstab: String,
}

/// Where a home of home-manager has the units of its user, unless its `xdg.configHome` is another.
pub const UNITS_OF_HOME: &str = "home-files/.config/systemd/user";

/// What of a home its units follow from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HomeUnits {
    /// [`UNITS_OF_HOME`].
    pub units: UnitFiles,
    /// Whether its activation calls `sd-switch`.
    pub switches: bool,
}

/// What of a target its units follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetUnits {
    /// It is a NixOS system.
    System(Box<SystemUnits>),
    /// It is a home of home-manager.
    Home(HomeUnits),
}

/// How the files of a node differ from those that it was told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtherFiles {
    /// Places that the node does not have, or not with that mark.
    pub lacking: BTreeSet<String>,
    /// What the node has instead and besides.
    pub entries: BTreeMap<String, UnitEntry>,
}

impl UnitFiles {
    /// Returns a line of place and mark for each place, each after this word.
    pub fn lines(&self, word: &str) -> String {
        let mut lines = String::new();
        for (place, mark) in &self.marks {
            let _ = writeln!(lines, "{word} {place}\t{mark}");
        }
        lines
    }

    /// Returns the tree of a node that differs in this from these files.
    pub fn differing(&self, other: &OtherFiles) -> UnitTree {
        let is_there = |place: &str| {
            // A folder of overrides may itself be a link.
            let folder = place.split_once('/').map_or(place, |(folder, _)| folder);
            !other.lacking.contains(place) && !other.lacking.contains(folder)
        };
        let same = self.tree.entries().iter();
        let same = same.filter(|(place, _)| is_there(place));
        same.chain(&other.entries)
            .map(|(place, entry)| (place.clone(), entry.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> UnitEntry {
        UnitEntry::Text(text.to_owned())
    }

    #[test]
    fn what_is_the_same_is_taken_from_here() {
        let entries = ["a.service", "b.service", "c.service.d/x.conf", "d.service"];
        let files = UnitFiles {
            tree: entries
                .map(|place| (place.to_owned(), text(place)))
                .into_iter()
                .collect(),
            marks: ["a.service", "b.service", "c.service.d", "d.service"]
                .map(|place| (place.to_owned(), format!("/nix/store/{place}")))
                .into(),
        };
        assert!(
            files
                .lines("system")
                .starts_with("system a.service\t/nix/store/a.service\n")
        );
        let other = OtherFiles {
            lacking: ["b.service", "c.service.d", "d.service"]
                .map(str::to_owned)
                .into(),
            entries: [("d.service".to_owned(), text("other"))].into(),
        };
        let tree = files.differing(&other);
        let expected = [("a.service", "a.service"), ("d.service", "other")];
        assert_eq!(
            tree,
            expected
                .map(|(place, it)| (place.to_owned(), text(it)))
                .into_iter()
                .collect()
        );
        assert_eq!(files.differing(&OtherFiles::default()), files.tree);
    }
}
