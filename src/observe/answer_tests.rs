//! Answers of nodes with something wrong in them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::answer::{AnswerError, fields, node_facts};
use crate::config::{FleetProfile, ProfileLocation};
use crate::model::mutated::{mutated, saved_cases};
use crate::model::{Generation, GenerationContent, ObservedGeneration, ProfileState};
use crate::plan::{NodeFacts, ObservedJournal, ObservedLock, test_plan};
use crate::protocol::{JournalText, LockText, Reading, to_line};

const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/observation.txt");
const MARK: &str = "07070707";
const PATH: &str = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-app";
const LOCKS: &str = "3: FLOCK ADVISORY WRITE 4711 fe:01:1234 0 EOF";
const HOLDER: &str = r#"{"run":"07070707070707070707070707070707","operator":{"user":"alice","host":"desk"},"pid":4711,"since":1}"#;

fn profile() -> FleetProfile {
    let planned = test_plan().profiles[0].clone();
    FleetProfile {
        name: "app".parse().unwrap(),
        user: "root".parse().unwrap(),
        connection: planned.connection,
        location: ProfileLocation::UserFolder,
        settings: planned.settings,
    }
}

fn reading() -> Reading {
    Reading {
        state: ProfileState::Present {
            generation: Some(Generation(3)),
            path: PATH.parse().ok(),
            highest_generation: Some(Generation(3)),
        },
        generations: vec![ObservedGeneration {
            number: Generation(3),
            path: PATH.parse().ok(),
            made: Some(12),
            content: GenerationContent::Activatable,
        }],
        journal: Some(JournalText {
            text: "{".to_owned(),
            written: Some(12),
        }),
        lock: Some(LockText {
            file: "65025 1234".to_owned(),
            locks: Some(LOCKS.to_owned()),
            holder: HOLDER.to_owned(),
        }),
    }
}

/// What the script says of a node with a profile that it can read itself.
fn own_words() -> Vec<String> {
    [
        "nix",
        "/usr/bin",
        "yes",
        "nix-program",
        "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-nix-2.26.3/bin/nix-store",
        "uname",
        "Linux x86_64",
        "boot",
        "b",
        "now",
        "99",
        "free",
        "/dev/vda 100 40 60 40% /",
        "current",
        PATH,
        "booted",
        "",
        "booted-part",
        "kernel",
        PATH,
        "me",
        "root",
        "root wheel",
        "trusted",
        "@wheel",
        "profile",
        "app",
        "/p/app",
        "none",
        "link",
        "app-3-link",
        "links",
        PATH,
        "generation",
        "app-3-link",
        "program",
        "dates",
        "12 /p/app-3-link",
        "journal",
        "{",
        "12",
        "lock",
        "65025 1234",
        LOCKS,
        HOLDER,
    ]
    .map(ToOwned::to_owned)
    .to_vec()
}

/// What it says where the agent had to read the profile.
fn words_with(reading: String) -> Vec<String> {
    let mut words = own_words();
    let profile = words.iter().position(|word| word == "link");
    words.truncate(profile.unwrap_or_default());
    words.extend(["reading".to_owned(), reading]);
    words
}

fn answer(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word}\0")).collect();
    format!("{MARK}\0begin\0{}{MARK}\0end\0", words.concat())
}

fn facts(answer: &str) -> Result<NodeFacts, AnswerError> {
    let (fields, _) = fields(answer, MARK)?;
    Ok(node_facts(&fields, &[&profile()]))
}

#[derive(Debug, Clone)]
enum Change {
    Remove(Index),
    Swap(Index, Index),
    Replace(Index, String),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let words = own_words();
    let piece = prop_oneof![select(words), "[^\\x00]{0,12}"];
    vec(
        prop_oneof![
            any::<Index>().prop_map(Change::Remove),
            (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Change::Swap(one, other)),
            (any::<Index>(), piece).prop_map(|(place, piece)| Change::Replace(place, piece)),
        ],
        1..6,
    )
}

fn changed(changes: Vec<Change>) -> Vec<String> {
    let mut words = own_words();
    for change in changes {
        let count = words.len();
        match change {
            Change::Remove(place) => drop(words.remove(place.index(count))),
            Change::Swap(one, other) => words.swap(one.index(count), other.index(count)),
            Change::Replace(place, piece) => words[place.index(count)] = piece,
        }
    }
    words
}

#[test]
fn both_ways_of_reading_a_profile_tell_the_same() {
    let [own, by_agent] = [own_words(), words_with(to_line(&reading()))].map(|words| {
        let facts = facts(&answer(&words)).unwrap();
        facts.profiles.into_values().next().unwrap()
    });
    assert_eq!(own, by_agent);
    assert_eq!(own.state, reading().state);
    assert!(matches!(own.journal, ObservedJournal::Unreadable { .. }));
    assert!(matches!(own.lock, ObservedLock::Held { holder: Some(_) }));
}

proptest! {
    #![proptest_config(saved_cases(SAVED))]

    /// What a node says decides about the profiles that were asked for, and no others.
    #[test]
    fn an_answer_is_about_what_was_asked(changes in changes()) {
        let facts = facts(&answer(&changed(changes))).unwrap();
        let asked = profile().name;
        prop_assert!(facts.profiles.keys().all(|name| *name == asked));
    }

    #[test]
    fn what_is_cut_short_is_refused(cut in any::<Index>()) {
        let whole = answer(&own_words());
        let cut = cut.index(whole.len());
        prop_assert!(facts(whole.get(..cut).unwrap_or_default()).is_err());
    }

    /// An agent that makes no sense leaves the profile unknown, and is never taken for another state.
    #[test]
    fn a_reading_is_taken_whole_or_not_at_all(text in mutated(&to_line(&reading()))) {
        let facts = facts(&answer(&words_with(text.replace('\0', "")))).unwrap();
        let observed = facts.profiles.into_values().next().unwrap();
        if let Ok(reading) = serde_json::from_str::<Reading>(text.replace('\0', "").trim()) {
            prop_assert_eq!(observed.state, reading.state);
        } else {
            let is_unknown = matches!(observed.state, ProfileState::Unknown { .. });
            prop_assert!(is_unknown && observed.generations.is_empty());
        }
    }
}
