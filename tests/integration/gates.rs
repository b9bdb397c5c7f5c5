//! `--deny`: what a plan must not do ends with a code of its own, and the reasons.

use crate::scene::{Says, Scene, one};
use crate::testbed::{self, Bed, Profile};

#[test]
fn a_plan_that_a_gate_denies_says_why() {
    let (bed, name) = (testbed::shared(), "gates");
    let flake = |openssl: &str| {
        let profile = Profile::new(name, "1.0").package("openssl", openssl);
        one(bed.host(0), profile)
    };
    let scene = Scene::new(bed, name, &flake("3.0.14"));
    let first = scene.deploy(&["plan", "--deny", "create@web*,downgrade"]);
    drop(first.code(6).says(&[
        "the plan is denied",
        "create@web*: web1.gates is deployed for the first time",
    ]));
    drop(scene.apply());
    scene.folder.rewrite(&flake("3.0.13"));
    let denied = scene.deploy(&["plan", "--deny", "create,downgrade:open*"]);
    drop(denied.code(6).says(&[
        "Plan: 1 to update",
        "downgrade:open*: openssl 3.0.14 -> 3.0.13 is older on web1.gates",
    ]));
    let unseen = scene.deploy(&["plan", "--no-build", "--deny", "removed:postgresql*"]);
    drop(
        unseen
            .code(6)
            .says(&["it is not known which packages of web1.gates change"]),
    );
    let elsewhere = scene.deploy(&["plan", "--deny", "downgrade@web2", "--deny", "removed"]);
    drop(elsewhere.success());
    let gate = scene.deploy(&["plan", "--deny", "downgrades"]);
    drop(gate.code(64).says(&["'downgrades' is no gate"]));
}

/// What makes a closure a system, as far as a reboot is concerned.
const SYSTEM: &str = "ln -s $out/linux $out/kernel; echo 1 >$out/init-interface-version";

#[test]
fn a_change_that_needs_a_reboot_says_for_what() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let flake = |version: &str| {
        let build = format!("mkdir $out/linux; echo {version} >$out/linux/bzImage; {SYSTEM}");
        let profile = Profile::new("system", version).build(&build);
        one(host, profile)
    };
    let scene = Scene::new(&bed, "fleet", &flake("1.0"));
    drop(scene.apply());
    let booted = host.resolve("/nix/var/nix/profiles/system").unwrap();
    for link in ["booted-system", "current-system"] {
        host.shell(&format!("ln -sfn {booted} /run/{link}"))
            .success();
    }
    drop(scene.deploy(&["plan", "--deny", "reboot,drift"]).success());
    scene.folder.rewrite(&flake("2.0"));
    let denied = scene.deploy(&["plan", "--deny", "reboot"]).code(6);
    drop(denied.says(&[
        "! a reboot is needed for kernel",
        "reboot: web1.system: a reboot is needed for kernel",
    ]));
    drop(scene.apply());
    // The test's activation does not move /run/current-system.
    let drifted = scene.deploy(&["plan", "--deny", "drift"]).code(6);
    drop(drifted.says(&["No changes.", "which is not what its profile says"]));
}
