//! Our rules for homes beside the answers of the real program.
//!
//! `home_answers.json` has what `sd-switch` 0.6.4 said in a dry run in the systemd (257) of a user who
//! was logged in, for each pair of trees. A file that is null is a link to /dev/null; the targets of
//! every user were active each time. Units that it left alone are not in its answers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde::Deserialize;

use super::{ActiveUnits, HomePair, UnitChangeKind, UnitEffect, UnitEntry, UnitTree, UnitsPair};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    before: BTreeMap<String, Option<File>>,
    after: BTreeMap<String, Option<File>>,
    active: BTreeMap<String, String>,
    #[serde(default)]
    says: BTreeMap<String, UnitEffect>,
    /// It ended with an error, and the activation with it.
    #[serde(default)]
    fails: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum File {
    Text(String),
    Link {
        #[expect(dead_code, reason = "where it leads says nothing")]
        link: bool,
    },
}

const ALWAYS: [&str; 5] = [
    "basic.target",
    "default.target",
    "paths.target",
    "sockets.target",
    "timers.target",
];

impl Case {
    fn all() -> &'static [Self] {
        static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
            serde_json::from_str(include_str!("fixtures/home_answers.json")).unwrap()
        });
        &CASES
    }

    fn pair(&self) -> HomePair {
        let units = self.active.iter();
        let active = units.map(|(unit, state)| format!("{unit} {state}\n"));
        let always = ALWAYS.map(|target| format!("{target} active\n"));
        let active = active.chain(always).collect::<String>();
        HomePair {
            units: UnitsPair {
                before: tree(&self.before),
                after: tree(&self.after),
                active: Some(ActiveUnits::parse(&active)),
                unseen: Vec::new(),
            },
            switches: true,
        }
    }

    /// Returns whether a unit says that nobody may stop it.
    fn must_not_stop(&self, unit: &str) -> bool {
        let file = self.before.get(unit).and_then(Option::as_ref);
        matches!(file, Some(File::Text(text)) if text.contains("RefuseManualStop=yes"))
    }

    /// Returns whether a unit is the same, and wanted, on both sides.
    fn is_no_news(&self, unit: &str) -> bool {
        let text = |files: &BTreeMap<String, Option<File>>| match files.get(unit) {
            Some(Some(File::Text(text))) => Some(text.clone()),
            _ => None,
        };
        let link = format!("default.target.wants/{unit}");
        text(&self.before) == text(&self.after) && self.before.contains_key(&link)
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
    files.iter().map(entry).collect()
}

fn ours(pair: &HomePair) -> BTreeMap<String, UnitEffect> {
    let changes = pair.changes().user.into_iter();
    let changes = changes.filter(|change| change.effect != UnitEffect::None);
    let effects = changes.map(|change| (change.unit.to_string(), change.effect));
    effects.collect()
}

#[test]
fn we_decide_as_it_announces() {
    let cases = Case::all();
    assert!(cases.len() >= 80);
    for case in cases {
        let mut ours = ours(&case.pair());
        if case.fails {
            assert!(
                ours.values().any(|effect| *effect == UnitEffect::Unknown),
                "{}",
                case.name
            );
            continue;
        }
        let mut says = case.says.clone();
        // It does not name what it would have stopped but must not.
        ours.retain(|unit, effect| {
            *effect != UnitEffect::Kept || says.contains_key(unit) || !case.must_not_stop(unit)
        });
        // What has ended it starts at every activation.
        says.retain(|unit, effect| *effect != UnitEffect::Start || !case.is_no_news(unit));
        assert_eq!(ours, says, "{}", case.name);
    }
}

#[test]
fn without_a_list_whatever_could_run_is_taken_to_run() {
    let find = |name: &str| Case::all().iter().find(|case| case.name == name).unwrap();
    for (name, expected) in [
        ("a service differs", UnitEffect::StopStart),
        ("a service that does not run differs", UnitEffect::StopStart),
        ("a service is removed", UnitEffect::Stop),
        ("a new service is wanted", UnitEffect::Start),
    ] {
        let mut pair = find(name).pair();
        pair.units.active = None;
        assert!(!pair.changes().user_active_known);
        assert_eq!(
            ours(&pair),
            [("a.service".to_owned(), expected)].into(),
            "{name}"
        );
    }
}

#[test]
fn a_home_that_leaves_units_alone_changes_them_at_the_next_login() {
    for case in Case::all() {
        let mut pair = case.pair();
        pair.switches = false;
        let changes = pair.changes().user;
        let waits = changes
            .iter()
            .all(|change| change.effect == UnitEffect::NextLogin);
        assert!(waits, "{}: {changes:?}", case.name);
        let touched = |change: &super::UnitChange| change.change == UnitChangeKind::Unchanged;
        assert!(!changes.iter().any(touched), "{}", case.name);
    }
}

proptest! {
    #[test]
    fn identical_trees_give_nothing(index in any::<prop::sample::Index>()) {
        let case = index.get(Case::all());
        let mut pair = case.pair();
        pair.units.before = pair.units.after.clone();
        let unread = ours(&pair).into_values().all(|effect| effect == UnitEffect::Unknown);
        prop_assert!(unread, "{:?}", case);
    }

    #[test]
    fn any_files_are_compared(texts in proptest::collection::vec("(\\[Unit\\]\n|\\[Service\\]\n|X-SwitchMethod=|RefuseManualStop=|no|[a=\n \\\\\\[]){0,12}", 4)) {
        let tree = |one: &str, other: &str| -> UnitTree {
            let file = |place: &str, text: &str| (place.to_owned(), UnitEntry::Text(text.to_owned()));
            [file("a.service", one), file("a.service.d/b.conf", other)].into_iter().collect()
        };
        let units = UnitsPair {
            before: tree(&texts[0], &texts[1]),
            after: tree(&texts[2], &texts[3]),
            ..UnitsPair::default()
        };
        let changes = HomePair { units, switches: true }.changes().user;
        prop_assert!(changes.len() <= 1);
        let differs = texts[..2] != texts[2..];
        prop_assert!(changes.iter().all(|change| !differs || change.change == UnitChangeKind::Changed));
    }
}
