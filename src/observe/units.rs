//! How the unit files of a node differ from those of its target: only what differs travels.

use std::collections::BTreeMap;

use crate::model::StorePath;
use crate::plan::{
    FileText, HomePair, HomeUnits, OtherFiles, SystemPair, SystemUnits, TargetUnits, UNITS_OF_HOME,
    UnitEntry, UnitFiles, UnitsOfProfile, UnitsPair, text_of_bytes,
};

/// The units of a target, and what its profile is now.
#[derive(Debug)]
pub struct UnitsQuestion {
    /// What the profile is now; none where it is not there yet.
    pub current: Option<StorePath>,
    /// What it shall bring.
    pub target: TargetUnits,
}

/// What a node said about its unit files.
#[derive(Debug, Default)]
pub(super) struct NodeUnits {
    /// What differs in each folder that it has, by the word for that.
    folders: BTreeMap<String, Folder>,
    /// The folder that the fields that follow belong to.
    current: String,
    fstab: String,
}

#[derive(Debug, Default)]
struct Folder {
    other: OtherFiles,
    unseen: Vec<String>,
}

const SYSTEM: &str = "system";
const USER: &str = "user";

fn word_of_home(place: usize) -> String {
    format!("home{place}")
}

/// Returns the lines that ask a node how its unit files differ from these: for each folder where it
/// is, and the places and marks that it is compared with.
pub(super) fn question(questions: &[UnitsQuestion]) -> String {
    let folder = |word: &str, path: &str, files: &UnitFiles| {
        format!("units {word} {path}\n{}", files.lines(word))
    };
    let questions = questions.iter().enumerate();
    let lines = questions.map(|(place, question)| match &question.target {
        TargetUnits::System(units) => [
            folder(SYSTEM, "/etc/systemd/system", &units.system),
            folder(USER, "/etc/systemd/user", &units.user),
        ]
        .concat(),
        TargetUnits::Home(home) => match &question.current {
            Some(current) => folder(
                &word_of_home(place),
                &format!("{current}/{UNITS_OF_HOME}"),
                &home.units,
            ),
            None => String::new(),
        },
    });
    lines.collect()
}

impl NodeUnits {
    /// Takes in what follows a key of the answer. Returns whether the key is about units.
    pub(super) fn take<'a>(&mut self, key: &str, mut next: impl FnMut() -> &'a str) -> bool {
        match key {
            "units" => {
                let (name, lacking) = (next(), next());
                name.clone_into(&mut self.current);
                let places = lacking.lines().filter_map(|line| line.split_once('\t'));
                let places = places.map(|(place, _)| place.to_owned()).collect();
                self.folder().other.lacking = places;
            }
            "file" => {
                let (place, kind) = (next(), next());
                let entry = match kind {
                    "masked" => UnitEntry::Masked,
                    "pulled" => UnitEntry::Pulled,
                    "text" => UnitEntry::of(sent_text(next())),
                    "broken" => {
                        let text = format!("{place}: it is a link to nothing");
                        self.folder().unseen.push(text);
                        return true;
                    }
                    _ => UnitEntry::Unseen("it must not be read".to_owned()),
                };
                self.folder().other.entries.insert(place.to_owned(), entry);
            }
            "unseen" => self.folder().unseen.push(next().to_owned()),
            "fstab" => next().clone_into(&mut self.fstab),
            _ => return false,
        }
        true
    }

    fn folder(&mut self) -> &mut Folder {
        self.folders.entry(self.current.clone()).or_default()
    }

    /// Returns for each question the units of node and target; nothing for a system where the node has
    /// no folder of units.
    pub(super) fn pairs(&self, questions: &[UnitsQuestion]) -> Vec<Option<UnitsOfProfile>> {
        let questions = questions.iter().enumerate();
        let pairs = questions.map(|(place, question)| match &question.target {
            TargetUnits::System(units) => {
                Some(UnitsOfProfile::System(Box::new(self.system(units)?)))
            }
            TargetUnits::Home(home) => {
                let pair = self.home(&word_of_home(place), home);
                Some(UnitsOfProfile::Home(Box::new(pair)))
            }
        });
        pairs.collect()
    }

    fn system(&self, target: &SystemUnits) -> Option<SystemPair> {
        self.folders.get(SYSTEM)?;
        Some(SystemPair {
            system: self.pair(SYSTEM, &target.system),
            user: self.pair(USER, &target.user),
            restarts_users: target.restarts_users,
            fstab_before: self.fstab.clone(),
            fstab_after: target.fstab.clone(),
        })
    }

    fn home(&self, word: &str, target: &HomeUnits) -> HomePair {
        HomePair {
            units: self.pair(word, &target.units),
            switches: target.switches,
        }
    }

    /// What the node has no folder for, it has no units in.
    fn pair(&self, word: &str, target: &UnitFiles) -> UnitsPair {
        let after = target.tree.clone();
        let Some(folder) = self.folders.get(word) else {
            return UnitsPair {
                after,
                ..UnitsPair::default()
            };
        };
        UnitsPair {
            before: target.differing(&folder.other),
            after,
            active: None,
            unseen: folder.unseen.clone(),
        }
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
        let pair = units.system(&SystemUnits::default()).unwrap();
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
        assert!(units.folders[SYSTEM].other.lacking.contains("b.service"));
    }

    /// Each profile is told its own folder; what a node says of folders that nobody asked for is not.
    #[test]
    fn homes_of_several_users() {
        let home = |current: Option<&str>| UnitsQuestion {
            current: current.map(|path| path.parse().unwrap()),
            target: TargetUnits::Home(HomeUnits::default()),
        };
        let path = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-home";
        let questions = [home(Some(path)), home(None), home(Some(path))];
        assert_eq!(
            question(&questions),
            format!("units home0 {path}/{UNITS_OF_HOME}\nunits home2 {path}/{UNITS_OF_HOME}\n")
        );
        let read = read(&[
            "units",
            "home2",
            "",
            "file",
            "a.service",
            "text",
            "[Unit]\n.",
            "unseen",
            "no",
            "units",
            "home1x",
            "",
            "file",
            "b.service",
            "masked",
        ]);
        let units = read.pairs(&questions).into_iter().flatten();
        let changes: Vec<_> = units.map(|units| units.changes()).collect();
        assert_eq!(changes.len(), 3);
        assert!(changes[0].user.is_empty() && changes[1].user.is_empty());
        assert_eq!(changes[2].user[0].unit.as_str(), "a.service");
        assert_eq!(changes[2].unseen, ["no"]);
    }

    #[test]
    fn a_node_without_units() {
        assert_eq!(read(&["fstab", ""]).system(&SystemUnits::default()), None);
    }

    proptest::proptest! {
        #[test]
        fn hostile_answers_do_not_panic(answer in proptest::collection::vec("(units|file|text|system|user|home0|a.service|[\\[]Unit[\\]]\\nX=1\\n[.]|masked|broken|unseen|fstab|[^\\x00]{0,8})", 0..30)) {
            let fields: Vec<&str> = answer.iter().map(String::as_str).collect();
            let read = read(&fields);
            drop(read.system(&SystemUnits::default()).map(|pair| pair.changes()));
            let home = HomeUnits { switches: true, ..HomeUnits::default() };
            drop(read.home("home0", &home).changes());
        }
    }
}
