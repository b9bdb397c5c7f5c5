//! The folder `.deploy/<profile>/` beside a profile link, and the files in it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::AgentError;
use super::system;
use crate::model::{AbsolutePath, RunId};

/// Runs whose events and logs are kept.
const RUNS_KEPT: usize = 10;

/// Where everything about the activations of one profile lies.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    profile: AbsolutePath,
    path: PathBuf,
}

/// The two files that one run leaves.
#[derive(Debug, Clone)]
pub(super) struct RunFiles {
    /// Its messages.
    pub(super) events: PathBuf,
    /// What its activation printed.
    pub(super) log: PathBuf,
}

/// Which of a run's two possible jobs on a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum JobKind {
    /// Activating.
    Activate,
    /// Taking back.
    Revoke,
    /// Finishing what another run has left.
    Recover,
}

impl Folder {
    /// Returns the folder of the profile, which need not exist.
    pub(super) fn of(profile: &AbsolutePath) -> Self {
        let path = Path::new(profile.parent())
            .join(".deploy")
            .join(profile.file_name());
        Self {
            profile: profile.clone(),
            path,
        }
    }

    /// Returns the profile link.
    pub(super) fn profile(&self) -> &AbsolutePath {
        &self.profile
    }

    /// Returns the folder's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the files of one job of a run.
    pub(super) fn run_files(&self, run: &RunId, kind: JobKind) -> RunFiles {
        let stem = match kind {
            JobKind::Activate => run.to_string(),
            JobKind::Revoke => format!("{run}-revoke"),
            JobKind::Recover => format!("{run}-recover"),
        };
        RunFiles {
            events: self.file(&format!("{stem}.events")),
            log: self.file(&format!("{stem}.log")),
        }
    }

    /// Writes a file that all may read, whole or not at all, so that it survives a power loss.
    pub(super) fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let new = self.file(&format!("{name}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(&new)?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, self.file(name))?;
        sync_folder(&self.path)
    }

    /// Makes the folder, and the profile's own where that is missing; refuses one that somebody
    /// else could write to.
    pub(super) fn ensure(&self) -> Result<(), AgentError> {
        let profiles = Path::new(self.profile.parent());
        fs::create_dir_all(profiles).map_err(AgentError::file("create the folder", profiles))?;
        let hidden = profiles.join(".deploy");
        make_private(&hidden, profiles)?;
        make_private(&self.path, &hidden)?;
        self.check()
    }

    /// Refuses the folder where somebody else could write to it.
    pub(super) fn check(&self) -> Result<(), AgentError> {
        check_owner(&Path::new(self.profile.parent()).join(".deploy"))?;
        check_owner(&self.path)
    }

    /// Removes the files of all runs but the newest and `current`.
    pub(super) fn prune(&self, current: &RunId) {
        let mut runs: Vec<_> = fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "events"))
            .filter(|entry| {
                !entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with(current.as_str())
            })
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        runs.sort();
        let surplus = (runs.len() + 1).saturating_sub(RUNS_KEPT);
        for (_, events) in runs.into_iter().take(surplus) {
            // What cannot be removed now is tried again by the next run.
            fs::remove_file(events.with_extension("log")).ok();
            fs::remove_file(events).ok();
        }
    }
}

/// Makes a folder with mode 0755 whatever the umask says, and syncs the one that holds it.
fn make_private(path: &Path, parent: &Path) -> Result<(), AgentError> {
    match DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.map_err(AgentError::file("create the folder", path))?,
    }
    fs::set_permissions(path, Permissions::from_mode(0o755))
        .and_then(|()| sync_folder(parent))
        .map_err(AgentError::file("set up the folder", path))
}

fn check_owner(path: &Path) -> Result<(), AgentError> {
    let metadata = path
        .symlink_metadata()
        .map_err(AgentError::file("look at the folder", path))?;
    let own = rustix::process::geteuid().as_raw();
    let problem = if !metadata.is_dir() {
        "is not a folder"
    } else if metadata.uid() != own && metadata.uid() != 0 {
        "belongs to another user"
    } else if metadata.mode() & 0o022 != 0 {
        "can be written to by others"
    } else {
        return Ok(());
    };
    Err(AgentError::UnsafeFolder {
        path: path.display().to_string(),
        problem,
    })
}

/// Makes renames and new entries in a folder survive a power loss.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes everything on the file system of `path` survive a power loss.
pub(super) fn sync_file_system(path: &Path) -> io::Result<()> {
    system::sync_file_system(&File::open(path)?)
}

/// Opens a file for appending, made with this mode where it is missing.
pub(super) fn append(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .read(true)
        .create(true)
        .mode(mode)
        .open(path)?;
    // The umask may have taken away what readers need.
    if file.metadata()?.permissions().mode() & 0o777 != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_in(root: &Path) -> Folder {
        Folder::of(&format!("{}/deep/er/p", root.display()).parse().unwrap())
    }

    #[test]
    fn the_folder_is_made_with_all_above_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder_in(root.path());
        folder.ensure().unwrap();
        folder.ensure().unwrap();
        assert!(folder.path().ends_with("deep/er/.deploy/p"));
        assert_eq!(folder.path().metadata().unwrap().mode() & 0o777, 0o755);
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder_in(root.path());
        folder.ensure().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let error = folder.ensure().unwrap_err();
        assert!(
            error.to_string().contains("can be written to by others"),
            "{error}"
        );
    }

    #[test]
    fn a_link_in_place_of_the_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder_in(root.path());
        fs::create_dir_all(root.path().join("deep/er/.deploy")).unwrap();
        std::os::unix::fs::symlink("/tmp", folder.path()).unwrap();
        assert!(matches!(
            folder.ensure(),
            Err(AgentError::UnsafeFolder { .. })
        ));
    }

    #[test]
    fn only_the_newest_runs_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder_in(root.path());
        folder.ensure().unwrap();
        let run = |number: u8| RunId::from_bytes([number; 16]);
        for number in 0..15 {
            let files = folder.run_files(&run(number), JobKind::Activate);
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(number));
            append(&files.log, 0o644).unwrap();
            append(&files.events, 0o600)
                .unwrap()
                .set_modified(time)
                .unwrap();
        }
        folder.prune(&run(0));
        let kept = |number| {
            folder
                .run_files(&run(number), JobKind::Activate)
                .log
                .exists()
        };
        assert!(kept(0) && kept(14) && kept(6));
        assert!(!kept(5) && !kept(1));
    }
}
