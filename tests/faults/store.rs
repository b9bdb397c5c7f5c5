//! Paths that vanish from the node's store.

use std::time::Instant;

use crate::lab::{Answer, Lab};
use crate::registry::{EVERY, Fault, Journal, Lock, Observe, Rollback, Set};
use crate::state::VERSIONS;
use crate::table::Stage;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        confirm_timeout: 20,
        ..Fault::new("garbage-collection", EVERY, collected)
    },
    Fault::new(
        "target-deleted",
        &[Observe, Lock, Journal, Set, Rollback],
        deleted,
    ),
];

fn collected(lab: &Lab) -> Answer {
    lab.meets(|_| drop(lab.host().run(["nix-store", "--gc"]).success()))
}

fn deleted(lab: &Lab) -> Answer {
    match lab.stage {
        Stage::Observe => deleted_after_planning(lab),
        _ => lab.meets(|_| delete(lab, &["nix-store", "--delete", "--ignore-liveness"])),
    }
}

fn deleted_after_planning(lab: &Lab) -> Answer {
    let scene = lab.scene(&lab.flake(&[lab.profile(VERSIONS[1])]));
    let target = scene.plan_json()["profiles"][0]["target"]["path"].clone();
    let destination = format!("root@{}", lab.host().address());
    let copy = [
        "nix-copy-closure",
        "--to",
        &destination,
        target.as_str().unwrap(),
    ];
    lab.operator().run(copy).success();
    drop(scene.save("plan.json"));
    delete(lab, &["nix-store", "--delete"]);
    let since = Instant::now();
    Answer::of(&scene.deploy(&["apply", "plan.json"]), since)
}

fn delete(lab: &Lab, command: &[&str]) {
    let script = "path=$(ls -d /nix/store/*-app-2.0); \"$@\" \"$path\"; ! [ -e \"$path\" ]";
    let command = [&["sh", "-ec", script, "sh"], command].concat();
    drop(lab.host().run(command).success());
}
