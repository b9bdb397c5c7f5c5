//! A host: the machine that is deployed to. Its sshd, and faults that only hosts have.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::process;

use super::machine::Machine;

/// A machine with sshd and a Nix daemon.
pub(crate) struct Host {
    machine: Machine,
    address: Ipv4Addr,
}

impl Deref for Host {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl Host {
    pub(crate) fn new(machine: Machine, address: Ipv4Addr) -> Self {
        Self { machine, address }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Cuts it off: neither new nor open connections answer, but nothing is closed.
    #[track_caller]
    pub(crate) fn freeze_ssh(&self) {
        self.run(["pkill", "-STOP", "^sshd"]).success();
    }

    #[track_caller]
    pub(crate) fn thaw_ssh(&self) {
        self.run(["pkill", "-CONT", "^sshd"]).success();
    }

    /// Ends the listener: new connections are refused, open ones go on.
    #[track_caller]
    pub(crate) fn stop_sshd(&self) {
        let script = "if [ -e /run/systemd/system ]; then systemctl stop ssh; else kill \"$(cat /run/sshd.pid)\"; fi; \
                      while [ -e /run/sshd.pid ]; do sleep 0.01; done";
        self.shell(script).success();
    }

    /// Starts the listener again.
    #[track_caller]
    pub(crate) fn start_sshd(&self) {
        let log = File::options()
            .append(true)
            .open(self.log_path())
            .expect("opening sshd's log");
        let script = "if [ -e /run/systemd/system ]; then systemctl start ssh; \
                      else setsid -f /usr/sbin/sshd -D -e -f /run/sshd_config; fi; \
                      until [ -s /run/sshd.pid ]; do sleep 0.01; done";
        let output = self.command(["sh", "-ec", script]).stderr_to(log).run();
        output.success();
    }

    /// Returns what sshd has logged since the host first booted.
    pub(crate) fn ssh_log(&self) -> String {
        fs::read_to_string(self.log_path()).expect("reading sshd's log")
    }

    /// Counts the logins since the host first booted.
    pub(crate) fn logins(&self) -> usize {
        self.ssh_log().matches("Accepted publickey").count()
    }

    /// Returns what the default activation script wrote for this profile, oldest first: the
    /// version, after `dry ` or `boot ` where that was asked for.
    pub(crate) fn activations(&self, profile: &str) -> Vec<String> {
        let output = self.run(["cat", &format!("/var/lib/activations/{profile}")]);
        output.stdout.lines().map(str::to_owned).collect()
    }

    pub(crate) fn boot_id(&self) -> String {
        self.read("/proc/sys/kernel/random/boot_id")
            .trim()
            .to_owned()
    }

    /// Crashes it and loses what was not synced to the disk of its store, whose size must
    /// have been given. The rest of its state is not on that disk and loses nothing.
    #[track_caller]
    pub(crate) fn cut_power(&self) {
        let (image, kept) = (
            self.folder().join("nix.img"),
            self.folder().join("nix.img.cut"),
        );
        let status = process::Command::new("cp")
            .arg("--sparse=always")
            .args([&image, &kept])
            .status()
            .expect("running cp");
        assert!(
            status.success(),
            "{} has no disk for its store",
            self.name()
        );
        self.crash();
        fs::rename(kept, image).expect("putting the disk of the cut in place");
    }

    fn log_path(&self) -> std::path::PathBuf {
        self.folder().join("sshd.log")
    }
}
