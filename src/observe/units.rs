//! How the unit files of a node differ from those of its target: only what differs travels.

use std::collections::BTreeMap;

use crate::plan::{
    FileText, OtherFiles, SystemUnits, UNIT_FOLDERS, UnitEntry, UnitFolder, UnitTree, UnitsPair,
    text_of_bytes,
};

/// What a node said about its unit files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NodeUnits {
    folders: BTreeMap<UnitFolder, OtherFiles>,
    /// The folder that the fields that follow belong to.
    current: Option<UnitFolder>,
    fstab: String,
    unseen: Vec<String>,
}

/// Returns the lines that ask a node how its unit files differ from these.
pub(super) fn question(units: &SystemUnits) -> String {
    let lines = UNIT_FOLDERS.map(|folder| units.folder(folder).lines(folder.name()));
    format!("units wanted\n{}", lines.concat())
}

impl NodeUnits {
    /// Takes in what follows a key of the answer. Returns whether the key is about units.
    pub(super) fn take<'a>(&mut self, key: &str, mut next: impl FnMut() -> &'a str) -> bool {
        match key {
            "units" => {
                let (name, lacking) = (next(), next());
                self.current = UNIT_FOLDERS
                    .into_iter()
                    .find(|folder| folder.name() == name);
                let places = lacking.lines().filter_map(|line| line.split_once('\t'));
                let places = places.map(|(place, _)| place.to_owned()).collect();
                self.other().lacking = places;
            }
            "file" => {
                let (place, kind) = (next(), next());
                let entry = match kind {
                    "masked" => UnitEntry::Masked,
                    "pulled" => UnitEntry::Pulled,
                    "text" => UnitEntry::of(sent_text(next())),
                    "broken" => {
                        self.unseen
                            .push(format!("{place}: it is a link to nothing"));
                        return true;
                    }
                    _ => UnitEntry::Unseen("it must not be read".to_owned()),
                };
                self.other().entries.insert(place.to_owned(), entry);
            }
            "unseen" => self.unseen.push(next().to_owned()),
            "fstab" => next().clone_into(&mut self.fstab),
            _ => return false,
        }
        true
    }

    fn other(&mut self) -> &mut OtherFiles {
        let folder = self.current.unwrap_or(UnitFolder::System);
        self.folders.entry(folder).or_default()
    }

    /// Returns the units of node and target; nothing of a node that has no folder of units.
    pub(super) fn pair(&self, target: &SystemUnits) -> Option<UnitsPair> {
        let before = |folder: UnitFolder| match self.folders.get(&folder) {
            Some(other) => target.folder(folder).differing(other),
            None => UnitTree::default(),
        };
        self.folders.get(&UnitFolder::System)?;
        Some(UnitsPair {
            before: before(UnitFolder::System),
            after: target.system.tree.clone(),
            active: None,
            fstab_before: self.fstab.clone(),
            fstab_after: target.fstab.clone(),
            user_before: before(UnitFolder::User),
            user_after: target.user.tree.clone(),
            unseen: self.unseen.clone(),
        })
    }
}

/// Text comes with a dot at its end; what was no text has lost its meaning on the way.
pub(super) fn sent_text(sent: &str) -> FileText {
    let text = sent
        .strip_suffix('.')
        .filter(|text| !text.contains(['\u{1}', '\u{fffd}']));
    let text = text.ok_or_else(|| "it is no text".to_owned())?;
    text_of_bytes(text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[&str]) -> NodeUnits {
        let mut units = NodeUnits::default();
        let mut fields = fields.iter();
        while let Some(key) = fields.next() {
            units.take(key, || fields.next().copied().unwrap_or_default());
        }
        units
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let units = read(&[
            "units",
            "system",
            "b.service\t/nix/store/b\nno line\n",
            "file",
            "a.service",
            "text",
            "[Unit]\nA=1\n.",
            "file",
            "n.service",
            "text",
            "a\u{1}b.",
            "file",
            "u.service",
            "text",
            "a\u{fffd}b.",
            "file",
            "c.service",
            "text",
            "cut",
            "file",
            "m.service",
            "masked",
            "file",
            "r.service",
            "unreadable",
            "file",
            "l.service",
            "broken",
            "unseen",
            "find: './x.d': Permission denied",
        ]);
        let pair = units.pair(&SystemUnits::default()).unwrap();
        let changes = pair.changes();
        assert_eq!(
            changes.unseen,
            [
                "c.service: it is no text",
                "find: './x.d': Permission denied",
                "l.service: it is a link to nothing",
                "n.service: it is no text",
                "r.service: it must not be read",
                "u.service: it is no text",
            ]
        );
        assert!(
            units.folders[&UnitFolder::System]
                .lacking
                .contains("b.service")
        );
    }

    #[test]
    fn a_node_without_units() {
        assert_eq!(read(&["fstab", ""]).pair(&SystemUnits::default()), None);
    }

    proptest::proptest! {
        #[test]
        fn hostile_answers_do_not_panic(answer in proptest::collection::vec("(units|file|text|system|user|masked|broken|unseen|fstab|[^\\x00]{0,8})", 0..30)) {
            let fields: Vec<&str> = answer.iter().map(String::as_str).collect();
            let pair = read(&fields).pair(&SystemUnits::default());
            drop(pair.map(|pair| pair.changes()));
        }
    }
}
