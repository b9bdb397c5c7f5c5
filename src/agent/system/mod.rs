//! What the agent takes from its operating system beyond what every Unix has, and nothing of it is
//! anywhere else: a file system synced at once, processes told apart by the time they began, being
//! woken by a change, a boot with a name, systemd.
//!
//! On macOS, and with the feature `portable`, the agent does without: it looks once a second where
//! it would have been woken, and knows of an activation's processes only their group.

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
mod portable;

use std::time::Duration;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
use linux as this;
#[cfg(any(not(target_os = "linux"), feature = "portable"))]
use portable as this;

pub(super) use this::{
    Watch, adopt_orphans, boot_id, has_systemd, in_cgroup, lingers, locks, own_cgroup, process,
    processes, running_executable, sync_file_system,
};

/// The longest time between two looks at what may have changed, whoever wakes.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A process, as the system lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) zombie: bool,
    pub(super) group: u32,
    pub(super) session: u32,
    /// Only grows, and is never 0.
    pub(super) start_time: u64,
}
