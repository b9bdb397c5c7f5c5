//! What every Unix has, in the place of what Linux has.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::{LOOK_AGAIN, Process};

/// Something to wait on, which never wakes.
#[derive(Debug)]
pub(in crate::agent) struct Watch;

impl Watch {
    /// Takes the place of watching entries of folders.
    pub(in crate::agent) fn entries_of(_folders: &[&Path]) -> Self {
        Self
    }

    /// Takes the place of watching files that grow.
    pub(in crate::agent) fn growth_of(_files: &[&Path]) -> Self {
        Self
    }

    /// Returns when it is time to look again.
    pub(in crate::agent) async fn changed(&mut self, limit: Duration) {
        tokio::time::sleep(limit.min(LOOK_AGAIN)).await;
    }
}

/// Nobody adopts orphans: what an activation starts in a session of its own is not found again.
pub(in crate::agent) fn adopt_orphans() {}

/// No boot has a name.
pub(in crate::agent) fn boot_id() -> Option<String> {
    None
}

/// There is no systemd, and an agent is a session of its own.
pub(in crate::agent) fn has_systemd() -> bool {
    false
}

/// No user's processes are told to stay.
pub(in crate::agent) fn lingers(_user: &str) -> bool {
    false
}

/// No locks are listed.
pub(in crate::agent) fn locks() -> Option<String> {
    None
}

/// There are no control groups.
pub(in crate::agent) fn own_cgroup() -> Option<String> {
    None
}

/// There are no control groups.
pub(in crate::agent) fn in_cgroup(_group: &str) -> BTreeSet<u32> {
    BTreeSet::new()
}

/// No process can be told from a later one with its number.
pub(in crate::agent) fn process(_pid: u32) -> Option<Process> {
    None
}

/// No processes are listed.
pub(in crate::agent) fn processes() -> Vec<Process> {
    Vec::new()
}

/// A file that was removed cannot be run any more.
pub(in crate::agent) fn running_executable() -> Option<&'static Path> {
    None
}

/// Makes everything survive a power loss.
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
pub(in crate::agent) fn sync_file_system(_folder: &File) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_looks_again_every_second_or_sooner_if_asked_to() {
        let begin = tokio::time::Instant::now();
        let mut watch = Watch::entries_of(&[]);
        watch.changed(Duration::from_secs(9)).await;
        assert_eq!(begin.elapsed(), LOOK_AGAIN);
        watch.changed(Duration::from_millis(5)).await;
        assert_eq!(begin.elapsed(), LOOK_AGAIN + Duration::from_millis(5));
    }
}
