//! Waiting until something changes in a folder or a file.
//!
//! A wake-up is a hint and nothing more: the caller looks again after each, and events that are
//! lost, or a system without inotify, cost only the time until the next look.

use std::path::Path;
use std::time::Duration;

/// The longest time between two looks, whatever inotify says.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The same where there is no inotify.
const POLL: Duration = Duration::from_millis(50);

/// Something to wait on.
#[derive(Default)]
pub(super) struct Watch {
    #[cfg(target_os = "linux")]
    stream: Option<inotify::EventStream<[u8; 4096]>>,
}

impl Watch {
    /// Watches entries that appear in the folders or go from there.
    pub(super) fn entries_of(folders: &[&Path]) -> Self {
        #[cfg(target_os = "linux")]
        {
            use inotify::WatchMask;
            let mask = WatchMask::CREATE
                .union(WatchMask::MOVED_TO)
                .union(WatchMask::DELETE)
                .union(WatchMask::DELETE_SELF);
            Self::on(folders, mask)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = folders;
            Self::default()
        }
    }

    /// Watches what is appended to the files.
    pub(super) fn growth_of(files: &[&Path]) -> Self {
        #[cfg(target_os = "linux")]
        return Self::on(files, inotify::WatchMask::MODIFY);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = files;
            Self::default()
        }
    }

    #[cfg(target_os = "linux")]
    fn on(paths: &[&Path], mask: inotify::WatchMask) -> Self {
        let open = || {
            let inotify = inotify::Inotify::init()?;
            for path in paths {
                inotify.watches().add(path, mask)?;
            }
            inotify.into_event_stream([0; 4096])
        };
        // Too many watches on the node: polling is slower and just as right.
        Self {
            stream: open().ok(),
        }
    }

    /// Returns when something may have changed, after `limit` at the latest.
    pub(super) async fn changed(&mut self, limit: Duration) {
        #[cfg(target_os = "linux")]
        if let Some(stream) = &mut self.stream {
            use futures_util::StreamExt;
            let Ok(event) = tokio::time::timeout(limit.min(LOOK_AGAIN), stream.next()).await else {
                return;
            };
            let is_over = event
                .and_then(Result::ok)
                .is_none_or(|event| event.mask.contains(inotify::EventMask::IGNORED));
            if is_over {
                self.stream = None;
            }
            return;
        }
        tokio::time::sleep(limit.min(POLL).min(LOOK_AGAIN)).await;
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
