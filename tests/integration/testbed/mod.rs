//! The test bed: real machines on this one. Each is a set of namespaces with its own Nix
//! store, users, host name and sshd; nothing in it is a mock.
//!
//! - [`shared`] is the bed that tests without faults have in common: an operator and three
//!   hosts, each with the users `alice` (may use sudo) and `bob` (may not).
//! - [`Bed::new`] and [`Bed::builder`] make a bed of one's own, gone when it is dropped.
//! - [`HostSettings::systemd`] makes a host whose first process is systemd.
//! - [`Flake`] writes a fleet into the operator's file system.
//!
//! What the tool must do is not said here; the tests beside this folder say that.
//!
//! Everything belongs to a keeper process per bed, which clears up when its standard input
//! ends. That is why nothing stays behind even when the tests are killed.

#![allow(
    dead_code,
    unused_imports,
    reason = "the tests of a day need no more than a part of it"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a bed that cannot work must end the test, and it is no part of the tool"
)]

mod address;
mod bed;
mod binary_cache;
mod capture;
mod command;
mod flake;
mod flake_folder;
mod host;
mod keeper;
mod machine;
mod operator;
mod output;
mod running;
mod settings;

use std::sync::OnceLock;

pub(crate) use bed::{Bed, BedBuilder};
pub(crate) use binary_cache::{BinaryCache, CacheServer};
pub(crate) use command::Command;
pub(crate) use flake::{Flake, Node, Profile, system};
pub(crate) use flake_folder::FlakeFolder;
pub(crate) use host::Host;
pub(crate) use machine::Machine;
pub(crate) use operator::Operator;
pub(crate) use output::Output;
pub(crate) use running::Running;
pub(crate) use settings::{HostSettings, OperatorSettings, target_folder};

/// Returns the bed of this test binary, booted by whoever asks first. No test may break its
/// hosts, and each uses profile names of its own.
pub(crate) fn shared() -> &'static Bed {
    static SHARED: OnceLock<Bed> = OnceLock::new();
    SHARED.get_or_init(|| {
        let host = |number| {
            HostSettings::new(&format!("web{number}"))
                .user("alice")
                .user("bob")
                .sudo("alice ALL=(ALL) NOPASSWD: ALL")
        };
        (1..=3)
            .fold(Bed::builder(), |bed, number| bed.host(host(number)))
            .boot()
    })
}
