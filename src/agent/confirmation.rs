//! The confirmation: a token in a folder of this run that only the profile's user can enter.
//!
//! The supervisor makes folder and token, `activate confirm` renames the token. A rename is done
//! once, by one, and needs no room on a full disk. Whether it came in time is decided by the
//! supervisor alone, in the journal.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use super::canary;
use super::folder::Folder;
use super::reserve;
use super::system::Watch;
use crate::model::{AbsolutePath, RunId};
use crate::protocol::Journal;

const TOKEN: &str = "awaited";
const GIVEN: &str = "confirmed";
/// A time that a clock can hold, and that nobody waits for.
const LIMIT_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A confirmation that is awaited.
#[derive(Debug)]
pub(super) struct Confirmation {
    folder: AbsolutePath,
    canary: Option<Canary>,
    watch: Watch,
}

impl Confirmation {
    /// Makes the folder, below `temp_path` where that is given and usable, and watches it.
    pub(super) fn prepare(
        folder: &Folder,
        run: &RunId,
        temp_path: Option<&AbsolutePath>,
    ) -> io::Result<Self> {
        let beside = folder.file(&format!("confirm-{run}"));
        let made = match temp_path {
            None => reserve::with_room(folder, || make(&beside)),
            Some(path) => make(&Path::new(path.as_str()).join(format!("deploy-confirm-{run}")))
                .or_else(|_| reserve::with_room(folder, || make(&beside))),
        };
        let path = made?;
        let watch = Watch::entries_of(&[&path]);
        let text = path.into_os_string().into_string().unwrap_or_default();
        Ok(Self {
            folder: text.try_into().map_err(io::Error::other)?,
            canary: None,
            watch,
        })
    }

    /// Returns the folder, for the journal.
    pub(super) fn folder(&self) -> &AbsolutePath {
        &self.folder
    }

    /// Puts the canary of a run there, whose removal confirms from now on, too.
    pub(super) fn put_canary(
        &mut self,
        canary: &AbsolutePath,
        journal: &Journal,
    ) -> io::Result<()> {
        let parent = Path::new(canary.parent());
        fs::create_dir_all(parent)?;
        canary::put(canary, &journal.run, &journal.profile_path)?;
        self.watch = Watch::entries_of(&[Path::new(self.folder.as_str()), parent]);
        self.canary = Some(Canary {
            file: canary.clone(),
            parent: identity_of(parent)?,
        });
        Ok(())
    }

    /// Waits until the confirmation is given; false where `limit` passes first.
    pub(super) async fn wait(&mut self, limit: Duration) -> bool {
        let given = Path::new(self.folder.as_str()).join(GIVEN);
        let deadline = Instant::now() + limit.min(LIMIT_MAX);
        loop {
            if given.exists() || self.canary.as_ref().is_some_and(Canary::was_removed) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.watch.changed(left).await;
        }
    }
}

/// A canary, and the folder that it was put into.
#[derive(Debug)]
struct Canary {
    file: AbsolutePath,
    parent: (u64, u64),
}

impl Canary {
    /// It is not removed by a file system that is mounted over its folder, or goes with it.
    fn was_removed(&self) -> bool {
        let is_gone = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        let same_parent = || {
            let parent = identity_of(Path::new(self.file.parent()));
            parent.is_ok_and(|parent| parent == self.parent)
        };
        fs::symlink_metadata(self.file.as_str()).is_err_and(is_gone) && same_parent()
    }
}

fn identity_of(folder: &Path) -> io::Result<(u64, u64)> {
    let metadata = folder.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Fails where the folder exists: nobody else can have known the run's id, unless to interfere.
fn make(path: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().mode(0o700).create(path)?;
    if let Err(error) = File::create_new(path.join(TOKEN)) {
        fs::remove_dir(path).ok();
        return Err(error);
    }
    Ok(path.to_owned())
}

/// Gives the confirmation; fails with `NotFound` where it was given or is not awaited any more.
pub(super) fn give(folder: &AbsolutePath) -> io::Result<()> {
    let folder = Path::new(folder.as_str());
    fs::rename(folder.join(TOKEN), folder.join(GIVEN))
}

/// Removes the folder, after which no confirmation can be given.
pub(super) fn remove(folder: &AbsolutePath) {
    let folder = Path::new(folder.as_str());
    fs::remove_file(folder.join(TOKEN)).ok();
    fs::remove_file(folder.join(GIVEN)).ok();
    fs::remove_dir(folder).ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder(root: &tempfile::TempDir) -> Folder {
        let folder = Folder::of(&format!("{}/p", root.path().display()).parse().unwrap());
        folder.ensure().unwrap();
        folder
    }

    fn run() -> RunId {
        RunId::from_bytes([9; 16])
    }

    #[tokio::test]
    async fn given_once_and_seen_at_once() {
        let root = tempfile::tempdir().unwrap();
        let mut confirmation = Confirmation::prepare(&folder(&root), &run(), None).unwrap();
        let path = confirmation.folder().clone();
        let mode = fs::metadata(path.as_str()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(!confirmation.wait(Duration::ZERO).await);
        let begin = Instant::now();
        let giver = std::thread::spawn({
            let path = path.clone();
            move || {
                std::thread::sleep(Duration::from_millis(50));
                give(&path)
            }
        });
        assert!(confirmation.wait(Duration::from_secs(9)).await);
        assert!(begin.elapsed() < Duration::from_millis(700));
        giver.join().unwrap().unwrap();
        assert_eq!(give(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        remove(&path);
        assert!(!Path::new(path.as_str()).exists());
    }

    #[tokio::test]
    async fn any_limit_can_be_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let mut confirmation = Confirmation::prepare(&folder(&root), &run(), None).unwrap();
        give(confirmation.folder()).unwrap();
        assert!(confirmation.wait(Duration::from_secs(u64::MAX)).await);
    }

    #[tokio::test]
    async fn a_folder_that_somebody_else_made_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let temp: AbsolutePath = root.path().to_str().unwrap().parse().unwrap();
        fs::create_dir(root.path().join(format!("deploy-confirm-{}", run()))).unwrap();
        let folder = folder(&root);
        let confirmation = Confirmation::prepare(&folder, &run(), Some(&temp)).unwrap();
        assert!(
            confirmation
                .folder()
                .as_str()
                .starts_with(folder.path().to_str().unwrap())
        );
        assert!(Confirmation::prepare(&folder, &run(), None).is_err());
    }
}
