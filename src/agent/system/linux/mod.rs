//! What Linux has.

mod processes;
mod watch;

use std::fs::{self, File};
use std::io;
use std::path::Path;

pub(in crate::agent) use processes::{in_cgroup, own_cgroup, process, processes};
pub(in crate::agent) use watch::Watch;

/// Makes orphans of what this process starts its own children, whatever session they have made
/// for themselves, so that they are found when the activation is ended.
pub(in crate::agent) fn adopt_orphans() {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).ok();
}

/// Returns the id of this boot, none where the kernel tells none.
pub(in crate::agent) fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned())
}

/// Returns whether systemd runs this system.
pub(in crate::agent) fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Returns whether logind lets the user's own systemd stay after a logout.
pub(in crate::agent) fn lingers(user: &str) -> bool {
    Path::new("/var/lib/systemd/linger").join(user).exists()
}

/// Returns the locks of all processes, a line for each.
pub(in crate::agent) fn locks() -> Option<String> {
    fs::read_to_string("/proc/locks").ok()
}

/// Returns a path of this executable that still works when the file was removed meanwhile.
pub(in crate::agent) fn running_executable() -> Option<&'static Path> {
    let running = Path::new("/proc/self/exe");
    running.exists().then_some(running)
}

/// Makes everything on the file system of a folder survive a power loss.
pub(in crate::agent) fn sync_file_system(folder: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(folder)?)
}
