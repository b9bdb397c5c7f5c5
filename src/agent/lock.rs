//! The lock of a profile, and who holds it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::clock;
use super::error::AgentError;
use super::folder::{Folder, append};
use crate::model::{Operator, RunId};
use crate::protocol::{Holder, parse_line, to_line};

const POLL: Duration = Duration::from_millis(100);
/// How long a holder may need to write its name.
const HOLDER_WAIT: Duration = Duration::from_millis(300);

/// The lock of a profile, held until this is dropped or the process ends in whatever way: the
/// descriptor is closed by every `exec`, so that no child keeps it.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    holder: std::path::PathBuf,
}

/// What became of taking the lock.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is ours.
    Lock(Lock),
    /// Somebody else has it.
    Held(Option<Holder>),
}

impl Lock {
    /// Takes the lock of the profile, waiting as long as `limit`.
    pub(super) async fn take(
        folder: &Folder,
        run: &RunId,
        operator: &Operator,
        limit: Duration,
    ) -> Result<Taken, AgentError> {
        let path = folder.file("lock");
        let begin = Instant::now();
        loop {
            let attempt = try_take(&path).map_err(AgentError::file("take the lock", &path))?;
            if let Some(file) = attempt {
                let lock = Self {
                    _file: file,
                    holder: folder.file("holder.json"),
                };
                lock.name_holder(run, operator);
                return Ok(Taken::Lock(lock));
            }
            if begin.elapsed() >= limit {
                return Ok(Taken::Held(read_holder(folder).await));
            }
            tokio::time::sleep(POLL.min(limit)).await;
        }
    }

    /// Writes who we are. For people only, so that a full disk is no reason to stop here.
    fn name_holder(&self, run: &RunId, operator: &Operator) {
        let holder = Holder {
            run: run.clone(),
            operator: operator.clone(),
            pid: std::process::id(),
            since: clock::seconds_since_epoch(),
        };
        fs::write(&self.holder, to_line(&holder) + "\n").ok();
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        fs::remove_file(&self.holder).ok();
    }
}

/// The file is for its owner alone: whoever can open it could hold it for ever.
fn try_take(path: &Path) -> io::Result<Option<File>> {
    let file = append(path, 0o600)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // A lock on a file that was replaced meanwhile excludes nobody.
    let same = match path.metadata() {
        Ok(now) => file
            .metadata()
            .is_ok_and(|ours| ours.ino() == now.ino() && ours.dev() == now.dev()),
        Err(_) => false,
    };
    Ok(same.then_some(file))
}

async fn read_holder(folder: &Folder) -> Option<Holder> {
    let begin = Instant::now();
    loop {
        let text = fs::read_to_string(folder.file("holder.json")).unwrap_or_default();
        if let Ok(holder) = parse_line(text.trim()) {
            return Some(holder);
        }
        if begin.elapsed() > HOLDER_WAIT {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator() -> Operator {
        Operator {
            user: "u".into(),
            host: "h".into(),
        }
    }

    #[tokio::test]
    async fn the_second_is_told_who_holds_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::of(&format!("{}/p", root.path().display()).parse().unwrap());
        folder.ensure().unwrap();
        let (first, second) = (RunId::from_bytes([1; 16]), RunId::from_bytes([2; 16]));
        let take = |run| {
            let folder = folder.clone();
            async move {
                Lock::take(&folder, run, &operator(), Duration::ZERO)
                    .await
                    .unwrap()
            }
        };
        let Taken::Lock(held) = take(&first).await else {
            panic!()
        };
        let Taken::Held(Some(holder)) = take(&second).await else {
            panic!()
        };
        assert_eq!(
            (holder.run, holder.pid),
            (first.clone(), std::process::id())
        );
        drop(held);
        assert!(matches!(take(&second).await, Taken::Lock(_)));
    }
}
