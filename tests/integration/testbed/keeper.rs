//! The keeper of a bed: the process that is the parent of all its machines and ends them.
//! What a machine does while it boots is in boot.sh.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Stdio};
use std::sync::{Mutex, PoisonError};

pub(crate) struct Keeper {
    bed: PathBuf,
    child: Mutex<Child>,
    /// The only write end; `None` once the bed is closed.
    orders: Mutex<Option<ChildStdin>>,
}

impl Keeper {
    /// Starts a keeper for a new, empty bed folder.
    pub(crate) fn start() -> Self {
        let bed = tempfile::Builder::new()
            .prefix("deploy-bed-")
            .tempdir()
            .expect("a folder for the bed")
            .keep();
        for (name, text) in [
            ("keeper.sh", include_str!("keeper.sh")),
            ("boot.sh", include_str!("boot.sh")),
            ("systemd.sh", include_str!("systemd.sh")),
        ] {
            fs::write(bed.join(name), text).expect("writing the bed's scripts");
        }
        let mut child = spawn(&bed);
        Self {
            orders: Mutex::new(child.stdin.take()),
            child: Mutex::new(child),
            bed,
        }
    }

    /// Returns the folder that holds everything of this bed.
    pub(crate) fn bed(&self) -> &Path {
        &self.bed
    }

    /// Asks for the machine whose folder has this name to be started.
    pub(crate) fn boot(&self, name: &str) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let orders = orders.as_mut().expect("the bed is open");
        writeln!(orders, "{name}").expect("the keeper listens");
    }

    /// Ends all machines, removes the folder, and returns when both is done.
    pub(crate) fn close(&self) {
        let orders = self
            .orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(orders);
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.wait().expect("waiting for the keeper");
    }
}

/// A session of its own keeps it alive through the Ctrl-C or the time limit that ends the
/// tests; of their output it holds nothing, or whoever reads that would wait for it.
fn spawn(bed: &Path) -> Child {
    let log = File::create(bed.join("keeper.log")).expect("creating the keeper's log");
    process::Command::new("setsid")
        .args(["/bin/sh", "keeper.sh"])
        .arg(bed)
        .current_dir(bed)
        .env_clear()
        .envs([
            (
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ),
            ("HOME", "/root"),
            ("USER", "root"),
            ("LANG", "C.UTF-8"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("starting the keeper of a bed")
}
