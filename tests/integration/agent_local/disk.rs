//! File systems that are full or read-only.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use deploy::model::ProfileState;
use deploy::protocol::{ActivationResult, ConfirmReply, Phase};

use super::bed::{Bed, done, is_taken_back, present};

/// A small file system of its own for the profiles of a bed.
struct Disk<'a>(&'a Bed);

impl<'a> Disk<'a> {
    fn new(bed: &'a Bed, options: &str) -> Self {
        fs::create_dir_all(bed.path("profiles")).unwrap();
        let disk = Self(bed);
        disk.mount(&["-t", "tmpfs", "-o", options, "tmpfs"]);
        disk
    }

    fn remount(&self, options: &str) {
        self.mount(&["-o", options]);
    }

    /// Tries again for a while: a supervisor that has said its result may still hold a file open.
    fn mount(&self, arguments: &[&str]) {
        let mount = || {
            let mut command = Command::new("mount");
            let status = command
                .args(arguments)
                .arg(self.0.path("profiles"))
                .status();
            status.unwrap().success()
        };
        let begin = Instant::now();
        while !mount() {
            assert!(
                begin.elapsed() < Duration::from_secs(10),
                "mount {arguments:?}"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn fill(&self) {
        let file = fs::File::create(self.0.path("profiles/fill")).unwrap();
        let block = [1_u8; 4096];
        while std::io::Write::write_all(&mut &file, &block).is_ok() {}
    }

    fn clear(&self) {
        fs::remove_file(self.0.path("profiles/fill")).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        Command::new("umount")
            .arg("-l")
            .arg(self.0.path("profiles"))
            .status()
            .ok();
    }
}

const FILL: &str = "dd if=/dev/zero of=profiles/fill bs=4k 2>/dev/null || :";

#[test]
fn a_full_disk_at_the_beginning_changes_nothing() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    let disk = Disk::new(&bed, "size=1m");
    bed.deploy(&bed.request(&one));
    fs::remove_file(bed.state_folder().join("reserve")).unwrap();
    disk.fill();
    let result = bed.deploy(&bed.request(&two));
    let ActivationResult::NotStarted { reason } = result else {
        panic!("{result:?}")
    };
    assert!(
        reason.contains("No space left") && reason.contains("Make room"),
        "{reason}"
    );
    disk.clear();
    assert_eq!(bed.read(), present(1, &one, 1));
    assert_eq!(bed.history(), ["one"]);
    assert_eq!(bed.deploy(&bed.request(&two)), done(present(2, &two, 2)));
}

#[test]
fn an_activation_that_fills_the_disk_can_still_be_confirmed() {
    let bed = Bed::new();
    let one = bed.closure("one", FILL);
    let _disk = Disk::new(&bed, "size=1m");
    let request = bed.magic(&one, 10);
    let mut call = bed.start(&request);
    assert!(call.wait_for_waiting(), "{:?}", call.messages);
    assert_eq!(bed.confirm(&request.run), ConfirmReply::Confirmed);
    assert_eq!(call.result(), done(present(1, &one, 1)));
    assert_eq!(bed.journal().phase, Phase::Confirmed);
}

#[test]
fn an_activation_that_fills_the_disk_and_fails_goes_back() {
    let bed = Bed::new();
    let (one, bad) = (
        bed.closure("one", ""),
        bed.closure("bad", &format!("{FILL}; exit 7")),
    );
    let disk = Disk::new(&bed, "size=1m");
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let result = bed.deploy(&bed.request(&bad));
    is_taken_back(&result);
    disk.clear();
    assert_eq!(bed.world(), before);
}

#[test]
fn a_read_only_file_system_is_named() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    let disk = Disk::new(&bed, "size=1m");
    for at_first in [true, false] {
        disk.remount("remount,ro");
        let result = bed.deploy(&bed.request(&two));
        let ActivationResult::NotStarted { reason } = result else {
            panic!("{result:?}")
        };
        assert!(reason.contains("Read-only file system"), "{reason}");
        disk.remount("remount,rw");
        if at_first {
            let absent = ProfileState::Absent {
                highest_generation: None,
            };
            assert_eq!(bed.read(), absent);
            bed.deploy(&bed.request(&one));
        }
    }
    assert_eq!(bed.read(), present(1, &one, 1));
    assert!(Path::new(bed.profile.as_str()).exists());
}
