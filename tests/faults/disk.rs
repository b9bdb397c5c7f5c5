//! Disks that are full or read-only.

use crate::lab::{Answer, Lab};
use crate::registry::{EVERY, Fault};
use crate::scene::path_of;
use crate::state::PROFILE;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        host: |settings| settings.store_size(64),
        waits_for_contact: true,
        ..Fault::new("disk-full", EVERY, full)
    },
    Fault {
        waits_for_contact: true,
        ..Fault::new("read-only-profile-directory", EVERY, read_only)
    },
];

/// What the file system keeps for what is not written yet is free again once that is.
const FILL: &str =
    "for round in 1 2 3; do ! dd if=/dev/zero of=/nix/fill.$round bs=1k; sync -f /nix; done";

fn full(lab: &Lab) -> Answer {
    let answer = lab.meets(|_| {
        let fill = lab.host().shell(FILL);
        assert_eq!(fill.stderr.matches("No space left").count(), 3, "{fill}");
    });
    drop(lab.host().shell("rm /nix/fill.*").success());
    answer
}

fn read_only(lab: &Lab) -> Answer {
    let (host, folder) = (lab.host(), folder());
    let answer = lab.meets(|_| {
        drop(host.run(["mount", "--bind", &folder, &folder]).success());
        drop(
            host.run(["mount", "-o", "remount,bind,ro", &folder])
                .success(),
        );
        let write = host.run(["touch", &format!("{folder}/file")]);
        assert!(write.stderr.contains("Read-only"), "{write}");
    });
    drop(host.run(["umount", &folder]).success());
    answer
}

fn folder() -> String {
    path_of(PROFILE).replace(&format!("/{PROFILE}"), "")
}
