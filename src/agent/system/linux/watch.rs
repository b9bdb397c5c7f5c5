//! Being woken by inotify.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use inotify::{EventMask, EventStream, Inotify, WatchMask};

use crate::agent::system::LOOK_AGAIN;

/// The same where there is no inotify: too many watches on the node, or what was watched is gone.
const POLL: Duration = Duration::from_millis(50);

/// Something to wait on. A wake-up is a hint and nothing more: the caller looks again after each.
#[derive(Default)]
pub(in crate::agent) struct Watch {
    stream: Option<EventStream<[u8; 4096]>>,
}

impl Watch {
    /// Watches entries that appear in the folders or go from there.
    pub(in crate::agent) fn entries_of(folders: &[&Path]) -> Self {
        let mask = WatchMask::CREATE
            .union(WatchMask::MOVED_TO)
            .union(WatchMask::DELETE)
            .union(WatchMask::DELETE_SELF);
        Self::on(folders, mask)
    }

    /// Watches what is appended to the files.
    pub(in crate::agent) fn growth_of(files: &[&Path]) -> Self {
        Self::on(files, WatchMask::MODIFY)
    }

    fn on(paths: &[&Path], mask: WatchMask) -> Self {
        let open = || {
            let inotify = Inotify::init()?;
            for path in paths {
                inotify.watches().add(path, mask)?;
            }
            inotify.into_event_stream([0; 4096])
        };
        // Polling is slower and just as right.
        Self {
            stream: open().ok(),
        }
    }

    /// Returns when something may have changed, after `limit` at the latest.
    pub(in crate::agent) async fn changed(&mut self, limit: Duration) {
        let Some(stream) = &mut self.stream else {
            return tokio::time::sleep(limit.min(POLL)).await;
        };
        let next = tokio::time::timeout(limit.min(LOOK_AGAIN), stream.next());
        let Ok(event) = next.await else {
            return;
        };
        let is_over = event
            .and_then(Result::ok)
            .is_none_or(|event| event.mask.contains(EventMask::IGNORED));
        if is_over {
            self.stream = None;
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test]
    async fn a_new_entry_wakes_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::entries_of(&[folder.path()]);
        let begin = Instant::now();
        std::fs::write(folder.path().join("x"), "").unwrap();
        watch.changed(Duration::from_secs(9)).await;
        assert!(begin.elapsed() < Duration::from_millis(500));
    }

    #[tokio::test]
    async fn a_folder_that_goes_ends_in_polling() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = Watch::entries_of(&[folder.path()]);
        drop(folder);
        let begin = Instant::now();
        for _ in 0..5 {
            watch.changed(Duration::from_secs(9)).await;
        }
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
}
