//! `--deny`: what a plan must not do ends with a code of its own, and the reasons.

use crate::scene::{Says, Scene, one};
use crate::testbed::{self, Profile};

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
