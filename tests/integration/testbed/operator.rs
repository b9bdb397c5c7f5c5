//! The operator: the machine that the tool under test runs on. It has the key to all hosts
//! of its bed and knows theirs.

use std::ops::Deref;

use super::command::Command;
use super::flake::Flake;
use super::flake_folder::FlakeFolder;
use super::host::Host;
use super::machine::Machine;

/// A machine without sshd, whose root may log in to every host as every user.
pub(crate) struct Operator {
    machine: Machine,
}

impl Deref for Operator {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        &self.machine
    }
}

impl Operator {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine }
    }

    /// Writes a flake into a folder and returns it. Every test needs a folder of its own.
    #[track_caller]
    pub(crate) fn flake(&self, folder: &str, flake: &Flake) -> FlakeFolder<'_> {
        FlakeFolder::write(self, folder, flake)
    }

    /// Prepares a fresh login; what it runs there is added with `arg`. It gives up after two
    /// seconds without an answer, and never asks.
    pub(crate) fn ssh(&self, user: &str, host: &Host) -> Command {
        self.command([
            "ssh",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=yes",
        ])
        .args(["-o", "ConnectTimeout=2", "-o", "ControlPath=none"])
        .arg(format!("{user}@{}", host.address()))
    }

    /// Returns whether a fresh login as root works.
    pub(crate) fn can_login(&self, host: &Host) -> bool {
        self.ssh("root", host).arg("true").run().exit == 0
    }
}
