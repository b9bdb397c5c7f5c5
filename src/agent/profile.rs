//! Reading a profile by its links alone: no lock, no write, no Nix.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::model::{AbsolutePath, Generation, ProfileState, StorePath};

/// A profile as its links say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The text of the profile link, none where there is none.
    pub link: Option<String>,
    /// What the link means.
    pub state: ProfileState,
    /// The generations and the text of their links.
    pub generations: BTreeMap<Generation, String>,
}

impl Snapshot {
    /// Reads the profile at `path`.
    pub(super) fn read(path: &AbsolutePath) -> io::Result<Self> {
        let generations = read_generations(path)?;
        let link = read_link(Path::new(path.as_str()))?;
        Ok(Self::new(path, link, generations))
    }

    /// Returns the profile at `path` with these links.
    pub fn new(
        path: &AbsolutePath,
        link: Option<String>,
        generations: BTreeMap<Generation, String>,
    ) -> Self {
        let highest_generation = generations.keys().next_back().copied();
        let Some(link) = link else {
            return Self {
                link: None,
                state: ProfileState::Absent { highest_generation },
                generations,
            };
        };
        let generation = generation_named(path, &link);
        let target = match generation {
            Some(number) => generations.get(&number),
            None => Some(&link),
        };
        let state = ProfileState::Present {
            generation,
            // The operator reads the same two links and no more; both must find the same.
            path: target.and_then(|text| text.parse().ok()),
            highest_generation,
        };
        Self {
            link: Some(link),
            state,
            generations,
        }
    }

    /// Returns the number that `nix-env --set` gives to `target`: the newest generation is taken
    /// up where it has that path already, else one is added.
    pub fn generation_for(&self, target: &StorePath) -> Generation {
        match self.generations.last_key_value() {
            Some((number, link)) if link == target.as_str() => *number,
            Some((number, _)) => Generation(number.0 + 1),
            None => Generation(1),
        }
    }
}

/// Returns what the profile at `path` is, or why that is unknown.
pub(super) fn read_state(path: &AbsolutePath) -> ProfileState {
    match Snapshot::read(path) {
        Ok(snapshot) => snapshot.state,
        Err(error) => ProfileState::Unknown {
            reason: format!("cannot read {path}: {error}"),
        },
    }
}

fn read_generations(path: &AbsolutePath) -> io::Result<BTreeMap<Generation, String>> {
    let entries = match Path::new(path.parent()).read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries?,
    };
    let mut generations = BTreeMap::new();
    for entry in entries {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| Generation::from_link_name(path.file_name(), name));
        if let Some(number) = number {
            let link = Path::new(path.parent()).join(name);
            // One that another deployer removes just now was no generation when we looked.
            if let Ok(Some(text)) = read_link(&link) {
                generations.insert(number, text);
            }
        }
    }
    Ok(generations)
}

fn read_link(path: &Path) -> io::Result<Option<String>> {
    match path.read_link() {
        Ok(text) => match text.into_os_string().into_string() {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(io::Error::other("the link is not UTF-8")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            Err(io::Error::other("it is no symbolic link"))
        }
        Err(error) => Err(error),
    }
}

/// Returns the generation that the text of a profile link names.
fn generation_named(path: &AbsolutePath, link: &str) -> Option<Generation> {
    let name = match link.rsplit_once('/') {
        None => link,
        Some((folder, name)) if folder == path.parent() => name,
        Some(_) => return None,
    };
    Generation::from_link_name(path.file_name(), name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const A: &str = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a";
    const B: &str = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-b";

    struct Fixture(tempfile::TempDir);

    impl Fixture {
        fn new(links: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in links {
                symlink(text, folder.path().join(name)).unwrap();
            }
            Self(folder)
        }

        fn read(&self) -> Snapshot {
            let path = self.0.path().join("p").to_str().unwrap().parse().unwrap();
            Snapshot::read(&path).unwrap()
        }
    }

    fn present(generation: Option<u64>, path: Option<&str>, highest: Option<u64>) -> ProfileState {
        ProfileState::Present {
            generation: generation.map(Generation),
            path: path.map(|path| path.parse().unwrap()),
            highest_generation: highest.map(Generation),
        }
    }

    #[test]
    fn a_profile_is_its_links() {
        let fixture = Fixture::new(&[
            ("p", "p-2-link"),
            ("p-2-link", A),
            ("p-7-link", B),
            ("q-9-link", B),
        ]);
        let found = fixture.read();
        assert_eq!(found.state, present(Some(2), Some(A), Some(7)));
        assert_eq!(found.link.as_deref(), Some("p-2-link"));
        assert_eq!(found.generations.len(), 2);
    }

    #[test]
    fn links_that_are_no_generation() {
        assert_eq!(
            Fixture::new(&[("p", A)]).read().state,
            present(None, Some(A), None)
        );
        assert_eq!(
            Fixture::new(&[("p", "/etc")]).read().state,
            present(None, None, None)
        );
        assert_eq!(
            Fixture::new(&[("p", "p")]).read().state,
            present(None, None, None)
        );
        assert_eq!(
            Fixture::new(&[("p", "p-3-link")]).read().state,
            present(Some(3), None, None)
        );
        assert_eq!(
            Fixture::new(&[("p", "/elsewhere/p-3-link")]).read().state,
            present(None, None, None)
        );
    }

    #[test]
    fn absent_with_what_was_left_behind() {
        let found = Fixture::new(&[("p-3-link", A)]).read();
        assert_eq!(
            found.state,
            ProfileState::Absent {
                highest_generation: Some(Generation(3))
            }
        );
    }

    #[test]
    fn numbers_are_given_as_nix_does() {
        let target = |text: &str| text.parse().unwrap();
        let found = Fixture::new(&[("p-3-link", A), ("p-8-link", B)]).read();
        assert_eq!(found.generation_for(&target(A)), Generation(9));
        assert_eq!(found.generation_for(&target(B)), Generation(8));
        assert_eq!(
            Fixture::new(&[]).read().generation_for(&target(A)),
            Generation(1)
        );
    }

    #[test]
    fn a_folder_is_no_profile() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("p")).unwrap();
        let path = folder.path().join("p").to_str().unwrap().parse().unwrap();
        assert!(matches!(read_state(&path), ProfileState::Unknown { .. }));
    }
}
