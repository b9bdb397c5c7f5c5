//! The canary: the file that deploy-rs's client waits for, and removes to confirm an activation.
//!
//! Its name is made of the closure alone, so that the one of an earlier run would speak for this
//! one. Therefore it names its run, and counts only while that run really waits.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::folder::{Folder, JobKind};
use super::follow::is_held;
use super::journal;
use crate::model::{AbsolutePath, InvalidText, RunId, StorePath};
use crate::protocol::Phase;

/// No canary of ours is longer.
const LENGTH_MAX: u64 = 8 << 10;

/// Returns where deploy-rs has the canary of a closure.
pub(super) fn place(
    temp_path: &AbsolutePath,
    closure: &StorePath,
) -> Result<AbsolutePath, InvalidText> {
    format!("{temp_path}/deploy-rs-canary-{}", closure.hash()).parse()
}

/// Puts the canary there, whole from the first moment on.
///
/// # Errors
/// Also where there is one.
pub(super) fn put(canary: &AbsolutePath, run: &RunId, profile: &AbsolutePath) -> io::Result<()> {
    let new = format!("{canary}.{run}");
    let put = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| file.write_all(format!("{run}\n{profile}\n").as_bytes()))
        .and_then(|()| fs::hard_link(&new, canary.as_str()));
    fs::remove_file(&new).ok();
    put
}

/// Removes the run's own canary.
pub(super) fn remove(canary: &AbsolutePath, run: &RunId) {
    if read(canary).is_some_and(|(named, _)| named == *run) {
        fs::remove_file(canary.as_str()).ok();
    }
}

/// Removes a canary that nobody awaits the removal of, as a run that has died leaves it.
///
/// # Errors
/// Where one is in the way.
pub(super) fn clear(canary: &AbsolutePath) -> io::Result<()> {
    if is_awaited(canary) {
        return Err(io::Error::other(
            "another activation of this closure waits for its confirmation",
        ));
    }
    match fs::remove_file(canary.as_str()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Returns whether the canary is there and an activation waits until it goes.
pub(super) fn is_awaited(canary: &AbsolutePath) -> bool {
    let Some((run, profile)) = read(canary) else {
        return false;
    };
    let folder = Folder::of(&profile);
    let waits = journal::load(&folder).is_ok_and(|journal| {
        journal.is_some_and(|journal| {
            journal.run == run
                && journal.phase == Phase::Waiting
                && journal.canary.as_ref() == Some(canary)
        })
    });
    waits && is_held(&folder.run_files(&run, JobKind::Activate))
}

/// Returns what the canary says. In a folder that all can write to, only one's own file is believed.
fn read(canary: &AbsolutePath) -> Option<(RunId, AbsolutePath)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(Path::new(canary.as_str()))
        .ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return None;
    }
    let mut text = String::new();
    file.take(LENGTH_MAX).read_to_string(&mut text).ok()?;
    let (run, profile) = text.trim_end().split_once('\n')?;
    Some((run.parse().ok()?, profile.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::journal::tests::example;

    struct Bed {
        root: tempfile::TempDir,
        canary: AbsolutePath,
        profile: AbsolutePath,
    }

    fn bed() -> Bed {
        let root = tempfile::tempdir().unwrap();
        let path: AbsolutePath = root.path().to_str().unwrap().parse().unwrap();
        let closure = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a";
        let canary = place(&path, &closure.parse().unwrap()).unwrap();
        let name = "/deploy-rs-canary-00023hrmrnvmk0mj2hw7zrfhdnkzyaqy";
        assert_eq!(canary.as_str().strip_prefix(path.as_str()), Some(name));
        let profile = format!("{path}/p").parse().unwrap();
        Bed {
            root,
            canary,
            profile,
        }
    }

    #[test]
    fn it_counts_only_while_its_run_waits() {
        let bed = bed();
        let folder = Folder::of(&bed.profile);
        folder.ensure().unwrap();
        let mut journal = example(Phase::Waiting);
        journal.canary = Some(bed.canary.clone());
        put(&bed.canary, &journal.run, &bed.profile).unwrap();
        journal::store(&folder, &journal).unwrap();
        assert!(!is_awaited(&bed.canary), "nobody works on it");
        let files = folder.run_files(&journal.run, JobKind::Activate);
        let supervisor = fs::File::create(files.events).unwrap();
        supervisor.lock().unwrap();
        assert!(is_awaited(&bed.canary));
        assert!(clear(&bed.canary).is_err(), "that would confirm it");
        journal.phase = Phase::RollingBack;
        journal::store(&folder, &journal).unwrap();
        assert!(!is_awaited(&bed.canary));
        clear(&bed.canary).unwrap();
        assert!(!Path::new(bed.canary.as_str()).exists());
    }

    #[test]
    fn another_canary_is_never_replaced_and_never_believed() {
        let bed = bed();
        let run = RunId::from_bytes([1; 16]);
        for left in ["", "00112233", "0011223344\nrelative\n"] {
            fs::write(bed.canary.as_str(), left).unwrap();
            assert!(!is_awaited(&bed.canary), "{left}");
            let error = put(&bed.canary, &run, &bed.profile).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
        remove(&bed.canary, &run);
        assert!(
            Path::new(bed.canary.as_str()).exists(),
            "it is not the run's"
        );
        clear(&bed.canary).unwrap();
        put(&bed.canary, &run, &bed.profile).unwrap();
        remove(&bed.canary, &run);
        let left = fs::read_dir(bed.root.path()).unwrap().count();
        assert_eq!(left, 0);
    }
}
