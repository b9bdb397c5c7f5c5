//! Reading and durably writing a profile's journal.

use std::fs::File;
use std::io;

use super::error::AgentError;
use super::fault;
use super::folder::{Folder, sync_folder};
use super::reserve;
use crate::protocol::{JOURNAL_VERSION, Journal};

pub(super) const NAME: &str = "journal.json";
/// No journal is longer.
const LENGTH_MAX: u64 = 1 << 20;

/// Returns the profile's journal, none where there is none.
pub(super) fn load(folder: &Folder) -> Result<Option<Journal>, AgentError> {
    let path = folder.file(NAME);
    let text = match read(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(error.to_string()),
        text => Ok(text.map_err(AgentError::file("read the journal", &path))?),
    };
    text.and_then(|text| parse(&text))
        .map(Some)
        .map_err(|problem| AgentError::Journal {
            path: path.display().to_string(),
            problem,
        })
}

fn read(folder: &Folder) -> io::Result<String> {
    let file = File::open(folder.file(NAME))?;
    io::read_to_string(io::Read::take(file, LENGTH_MAX))
}

fn parse(text: &str) -> Result<Journal, String> {
    let version = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|value| value.get("format_version")?.as_u64());
    match version {
        Some(version) if version > u64::from(JOURNAL_VERSION) => Err(format!(
            "has version {version}, and this agent knows {JOURNAL_VERSION} only: \
             a newer `deploy` was used here"
        )),
        _ => serde_json::from_str(text).map_err(|error| format!("is damaged ({error})")),
    }
}

/// Writes the journal so that it survives a power loss.
pub(super) fn store(folder: &Folder, journal: &Journal) -> io::Result<()> {
    fault::point("journal");
    let text = serde_json::to_string_pretty(journal)? + "\n";
    reserve::with_room(folder, || folder.replace(NAME, &text))
}

/// Makes what [`load`] returned durable, whoever wrote it.
pub(super) fn sync(folder: &Folder) -> io::Result<()> {
    File::open(folder.file(NAME))?.sync_all()?;
    sync_folder(folder.path())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::mutated::{mutated, saved_cases};
    use crate::model::{Generation, Operator, ProfileState, RunId};
    use crate::protocol::{Phase, Previous, ProcessIdentity};
    use std::fs;

    pub(in crate::agent) fn example(phase: Phase) -> Journal {
        let path = |name: &str| format!("/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-{name}");
        Journal {
            format_version: JOURNAL_VERSION,
            run: RunId::from_bytes([7; 16]),
            operator: Operator {
                user: "u".into(),
                host: "h".into(),
            },
            profile_path: "/p/profile".parse().unwrap(),
            previous: Previous {
                link: Some("profile-3-link".into()),
                state: ProfileState::Present {
                    generation: Some(Generation(3)),
                    path: Some(path("old").parse().unwrap()),
                    highest_generation: Some(Generation(5)),
                },
                generations: vec![Generation(3), Generation(5)],
                current_system: None,
            },
            target: path("new").parse().unwrap(),
            generation: Some(Generation(6)),
            sets_profile: true,
            order: crate::protocol::Order::SetFirst,
            phase,
            agent: ProcessIdentity {
                pid: 1,
                start_time: 1,
            },
            activation: None,
            deadline: None,
            boot_id: None,
            failure: None,
            activated: true,
            wrote_boot_entry: false,
            degraded: false,
            rebooted: false,
            confirm_folder: None,
            canary: None,
            activation_timeout: None,
        }
    }

    fn folder(root: &tempfile::TempDir) -> Folder {
        let folder = Folder::of(&format!("{}/p", root.path().display()).parse().unwrap());
        folder.ensure().unwrap();
        folder
    }

    #[test]
    fn what_is_stored_is_loaded() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(&root);
        assert!(load(&folder).unwrap().is_none());
        for phase in [Phase::Setting, Phase::Waiting] {
            store(&folder, &example(phase)).unwrap();
            assert_eq!(load(&folder).unwrap(), Some(example(phase)));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(&root);
        let newer = r#"{"format_version": 99, "anything": 1}"#;
        for (text, problem) in [
            ("", "is damaged"),
            ("{", "is damaged"),
            ("{\"format_version\":1}", "is damaged"),
            (newer, "has version 99"),
        ] {
            fs::write(folder.file(NAME), text).unwrap();
            let error = load(&folder).unwrap_err().to_string();
            assert!(
                error.contains(problem) && error.contains("journal.json"),
                "{error}"
            );
        }
        fs::write(folder.file(NAME), [0xff, 0xfe]).unwrap();
        assert!(load(&folder).is_err());
    }

    const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/journal.txt");

    fn example_text() -> String {
        serde_json::to_string(&example(Phase::Waiting)).unwrap()
    }

    proptest::proptest! {
        #![proptest_config(saved_cases(SAVED))]

        /// What is refused is left for a person as it was.
        #[test]
        fn a_journal_is_read_whole_or_refused_and_kept(text in mutated(&example_text())) {
            let root = tempfile::tempdir().unwrap();
            let folder = folder(&root);
            fs::write(folder.file(NAME), &text).unwrap();
            match load(&folder) {
                Ok(journal) => {
                    store(&folder, journal.as_ref().unwrap()).unwrap();
                    proptest::prop_assert_eq!(load(&folder).unwrap(), journal);
                }
                Err(error) => {
                    proptest::prop_assert!(error.to_string().contains("journal.json"));
                    proptest::prop_assert_eq!(fs::read_to_string(folder.file(NAME)).unwrap(), text);
                }
            }
        }
    }
}
