//! Our rules beside the answers of the real program.
//!
//! `answers.json` has what `switch-to-configuration-ng` of September 2024 said and did on a host with
//! systemd 257, in `dry-activate` and then in `switch`, for each pair of trees; for
//! `X-NotSocketActivated`, which is younger, with that one statement added. A file that is null is a
//! link to /dev/null; `multi-user.target` and the like were there and active each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde::Deserialize;

use super::{ActiveUnits, SystemPair, UnitChangeKind, UnitEffect, UnitEntry, UnitTree, UnitsPair};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    before: BTreeMap<String, Option<File>>,
    after: BTreeMap<String, Option<File>>,
    #[serde(default)]
    fstab: [String; 2],
    active: BTreeMap<String, String>,
    dry_activate: Lists,
    switch: Lists,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum File {
    Text(String),
    Link {
        #[expect(dead_code, reason = "where it leads says nothing")]
        link: String,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Lists {
    stop: BTreeSet<String>,
    keep: BTreeSet<String>,
    reload: BTreeSet<String>,
    restart: BTreeSet<String>,
    start: BTreeSet<String>,
    /// The units that run afterwards and did not before.
    new: BTreeSet<String>,
}

const ALWAYS: [&str; 6] = [
    "sysinit.target",
    "basic.target",
    "multi-user.target",
    "timers.target",
    "sockets.target",
    "local-fs.target",
];

impl Case {
    fn all() -> &'static [Self] {
        static CASES: LazyLock<Vec<Case>> =
            LazyLock::new(|| serde_json::from_str(include_str!("fixtures/answers.json")).unwrap());
        &CASES
    }

    fn pair(&self) -> SystemPair {
        let active = self
            .active
            .iter()
            .map(|(unit, state)| format!("{unit} {state}\n"));
        let always = ALWAYS.map(|target| format!("{target} active\n"));
        let active = active.chain(always).collect::<String>();
        SystemPair {
            system: UnitsPair {
                before: tree(&self.before),
                after: tree(&self.after),
                active: Some(ActiveUnits::parse(&active)),
                unseen: Vec::new(),
            },
            fstab_before: self.fstab[0].clone(),
            fstab_after: self.fstab[1].clone(),
            ..SystemPair::default()
        }
    }
}

fn tree(files: &BTreeMap<String, Option<File>>) -> UnitTree {
    let entry = |(place, file): (&String, &Option<File>)| {
        let entry = match file {
            None => UnitEntry::Masked,
            Some(File::Text(text)) => UnitEntry::Text(text.clone()),
            Some(File::Link { .. }) => UnitEntry::Pulled,
        };
        (place.clone(), entry)
    };
    let always = ALWAYS.map(|target| (target.to_owned(), UnitEntry::Text("[Unit]\n".to_owned())));
    files.iter().map(entry).chain(always).collect()
}

fn ours(pair: &SystemPair) -> Lists {
    let decisions = pair.decisions();
    assert!(decisions.unknown.is_empty());
    let names = |units: &BTreeSet<super::UnitName>| units.iter().map(ToString::to_string).collect();
    // It does not tell what it always does.
    let shown = &decisions.stop - &decisions.targets;
    Lists {
        stop: names(&shown),
        keep: names(&decisions.keep),
        reload: names(&decisions.reload),
        restart: names(&decisions.restart),
        start: names(&decisions.start),
        new: BTreeSet::new(),
    }
}

#[test]
fn we_decide_as_it_announces() {
    let cases = Case::all();
    assert!(cases.len() >= 100);
    for case in cases {
        assert_eq!(ours(&case.pair()), case.dry_activate, "{}", case.name);
    }
}

#[test]
fn it_does_what_it_announces_and_starts_what_we_say() {
    for case in Case::all() {
        let new = case.switch.new.clone();
        let switch = Lists {
            new: BTreeSet::new(),
            ..case.switch.clone()
        };
        assert_eq!(switch, case.dry_activate, "{}", case.name);
        let changes = case.pair().changes().system.into_iter();
        let started = changes.filter(|change| change.effect == UnitEffect::Start);
        let started: BTreeSet<String> = started.map(|change| change.unit.to_string()).collect();
        let expected: BTreeSet<String> = case
            .dry_activate
            .start
            .difference(&case.dry_activate.stop)
            .cloned()
            .chain(new)
            .collect();
        // What it starts and what has ended before it looks is not in its list.
        let ended = case
            .name
            .starts_with("a oneshot that has ended and is wanted");
        assert!(
            started == expected || ended && expected.is_empty(),
            "{}: {started:?} {expected:?}",
            case.name
        );
    }
}

#[test]
fn without_a_list_whatever_could_run_is_taken_to_run() {
    let mut pair = Case::all()[0].pair();
    pair.system.active = None;
    let changes = pair.changes();
    assert!(!changes.active_known);
    let effects: Vec<_> = changes
        .system
        .iter()
        .map(|change| (change.unit.as_str(), change.effect))
        .collect();
    assert_eq!(effects, [("a.service", UnitEffect::StopStart)]);
}

proptest! {
    #[test]
    fn identical_trees_give_nothing(index in any::<prop::sample::Index>()) {
        let mut pair = index.get(Case::all()).pair();
        pair.system.after = pair.system.before.clone();
        pair.fstab_after = pair.fstab_before.clone();
        let changes = pair.changes().system.into_iter();
        // A target may ask to be stopped at each activation.
        let changes: Vec<_> = changes.filter(|change| change.unit.kind() != "target").collect();
        prop_assert_eq!(changes, []);
    }

    #[test]
    fn the_order_of_the_files_does_not_matter(index in any::<prop::sample::Index>()) {
        let pair = index.get(Case::all()).pair();
        let backwards = |tree: &UnitTree| tree.entries().clone().into_iter().rev().collect();
        let mut other = pair.clone();
        other.system.before = backwards(&pair.system.before);
        other.system.after = backwards(&pair.system.after);
        prop_assert_eq!(pair.changes(), other.changes());
    }

    #[test]
    fn a_comment_does_nothing(index in any::<prop::sample::Index>()) {
        let pair = index.get(Case::all()).pair();
        let mut other = pair.clone();
        let entries = pair.system.after.entries().clone().into_iter();
        let commented = entries.map(|(place, entry)| match entry {
            UnitEntry::Text(text) => (place, UnitEntry::Text(format!("; other\n{text}"))),
            entry => (place, entry),
        });
        other.system.after = commented.collect();
        prop_assert_eq!(pair.decisions(), other.decisions());
    }

    #[test]
    fn any_files_are_compared(texts in proptest::collection::vec("(\\[Unit\\]\n|\\[Service\\]\n|X-StopIfChanged=|Sockets=|no|[a=\n \\[]){0,12}", 4)) {
        let tree = |one: &str, other: &str| -> UnitTree {
            let file = |place: &str, text: &str| (place.to_owned(), UnitEntry::Text(text.to_owned()));
            [file("a.service", one), file("a.service.d/b.conf", other)].into_iter().collect()
        };
        let system = UnitsPair {
            before: tree(&texts[0], &texts[1]),
            after: tree(&texts[2], &texts[3]),
            ..UnitsPair::default()
        };
        let changes = SystemPair { system, ..SystemPair::default() }.changes().system;
        let differs = texts[..2] != texts[2..];
        prop_assert_eq!(changes.len(), usize::from(differs));
        prop_assert!(changes.iter().all(|change| change.change == UnitChangeKind::Changed));
    }
}
