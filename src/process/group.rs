//! Ending a child together with everything it started.

use rustix::process::{Pid, Signal, kill_process_group};

/// The process group of a child. Killed when dropped, unless the child has ended.
#[derive(Debug)]
pub struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// Returns the group that the process with this id leads.
    pub fn of(id: Option<u32>) -> Self {
        Self(
            id.and_then(|id| i32::try_from(id).ok())
                .and_then(Pid::from_raw),
        )
    }

    /// Sends SIGTERM to every process of the group.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGKILL to every process of the group.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Lets the rest of the group live on: the child has ended by itself.
    pub fn release(&mut self) {
        self.0 = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // A group that has ended meanwhile is what was wanted.
            kill_process_group(leader, signal).ok();
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}
