//! Disks that are full or read-only.

use std::time::Instant;

use crate::lab::{Answer, Lab};
use crate::registry::{Copy, Fault, Lock, Observe, Set};
use crate::scene::path_of;
use crate::state::PROFILE;
use crate::table::Stage;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        host: |settings| settings.store_size(64),
        after: |lab| drop(lab.host().run(["rm", "/nix/fill"]).success()),
        ..Fault::new("disk-full", &[Copy, Lock, Set], full)
    },
    Fault {
        after: |lab| drop(lab.host().run(["umount", &folder()]).success()),
        ..Fault::new(
            "read-only-profile-directory",
            &[Observe, Lock, Set],
            read_only,
        )
    },
];

fn full(lab: &Lab) -> Answer {
    lab.meets(|_| {
        let fill = lab
            .host()
            .run(["dd", "if=/dev/zero", "of=/nix/fill", "bs=4k"]);
        assert!(fill.stderr.contains("No space left"), "{fill}");
    })
}

fn read_only(lab: &Lab) -> Answer {
    let (host, folder) = (lab.host(), folder());
    let protect = || {
        drop(host.run(["mount", "--bind", &folder, &folder]).success());
        drop(
            host.run(["mount", "-o", "remount,bind,ro", &folder])
                .success(),
        );
        let write = host.run(["touch", &format!("{folder}/file")]);
        assert!(write.stderr.contains("Read-only"), "{write}");
    };
    if lab.stage != Stage::Observe {
        return lab.meets(|_| protect());
    }
    protect();
    let since = Instant::now();
    Answer::of(&lab.start().wait(), since)
}

fn folder() -> String {
    path_of(PROFILE).replace(&format!("/{PROFILE}"), "")
}
