//! Plans that are made without a login: against another revision, or against what was read earlier.

use crate::scene::{Says, Scene, fleet, one};
use crate::testbed::{Bed, Command, Flake, Node, Output, Profile};

/// The profile with a version of a package, and another profile where that is wanted.
fn flake(bed: &Bed, openssl: &str, more: &[&str]) -> Flake {
    let node =
        Node::at(bed.host(0)).profile(Profile::new("app", "1.0").package("openssl", openssl));
    let profiles = more.iter().map(|name| Profile::new(name, "1.0"));
    fleet().node(profiles.fold(node, Node::profile))
}

/// Runs `deploy` where ssh leaves a mark, and must not be called.
#[track_caller]
fn offline(bed: &Bed, scene: &Scene<'_>, words: &[&str]) -> Output {
    const SSH: &str = "#!/bin/sh\ntouch /root/asked\nexit 255\n";
    let operator = bed.operator();
    operator.write("/root/offline/ssh", SSH);
    operator.run(["chmod", "+x", "/root/offline/ssh"]).success();
    let command: Command = scene.operator_command(
        "sh",
        &[
            &["-c", "PATH=/root/offline:$PATH exec deploy \"$@\"", "sh"],
            words,
        ]
        .concat(),
    );
    let output = command.run();
    operator.shell("! test -e /root/asked").success();
    output
}

#[test]
fn another_revision_stands_in_for_the_nodes() {
    let bed = Bed::new(1);
    drop(Scene::new(&bed, "base", &flake(&bed, "3.0.13", &["old"])));
    let scene = Scene::new(&bed, "fleet", &flake(&bed, "3.0.14", &["new"]));
    let plan = ["plan", "--base", "path:/root/base", "--out", "plan.json"];
    let gates = [
        "--detailed-exitcode",
        "--deny",
        "downgrade,removed:postgresql*",
    ];
    let output = offline(&bed, &scene, &[&plan[..], &gates].concat());
    drop(output.code(2).says(&[
        "no node was asked",
        "web1.old is no longer in the fleet",
        "openssl 3.0.13 -> 3.0.14",
        "Plan: 1 to create, 1 to update",
    ]));
    // It is no plan of what the nodes are.
    drop(
        scene
            .deploy(&["apply", "plan.json"])
            .code(1)
            .says(&["this plan cannot be applied"]),
    );
    let json = scene
        .deploy(&["show", "plan.json", "--format", "json"])
        .json();
    assert_eq!(json["basis"]["kind"], "base");
    let profile = &json["profiles"][0];
    assert!(
        profile["current"]["generation"].is_null() && profile["target"]["generation"].is_null()
    );
    let drift = offline(
        &bed,
        &scene,
        &["plan", "--base", "path:/root/base", "--deny", "drift"],
    );
    drop(
        drift
            .code(6)
            .says(&["it is not known, since no node was asked"]),
    );
    let same = offline(&bed, &scene, &["plan", "--base", "."]);
    drop(same.success().says(&["No changes."]));
}

#[test]
fn what_was_read_earlier_stands_in_for_the_nodes() {
    let bed = Bed::new(1);
    let scene = Scene::new(&bed, "fleet", &flake(&bed, "3.0.13", &[]));
    drop(scene.apply());
    let status = ["status", "--detailed-exitcode", "--out", "nodes.json"];
    drop(scene.deploy(&status).success());
    scene.folder.rewrite(&flake(&bed, "3.0.14", &["new"]));
    let words = ["plan", "--observed", "nodes.json", "--out", "plan.json"];
    drop(offline(&bed, &scene, &words).success().says(&[
        "compared with what root@operator read at",
        "generation 1 -> 2",
        "openssl 3.0.13 -> 3.0.14",
        "Plan: 1 to update, 1 unknown",
    ]));
    drop(
        scene
            .deploy(&["apply", "plan.json"])
            .code(1)
            .says(&["this plan cannot be applied"]),
    );
    // The nodes themselves say the same.
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["generation 1 -> 2", "openssl 3.0.13 -> 3.0.14"]),
    );
}

#[test]
fn what_somebody_changed_since_is_drift() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let flake = |version: &str| one(host, Profile::new("app", version));
    let scene = Scene::new(&bed, "fleet", &flake("1.0"));
    drop(scene.apply());
    scene.folder.rewrite(&flake("2.0"));
    drop(scene.apply());
    let status = ["status", "--detailed-exitcode"];
    drop(scene.deploy(&status).success());
    let back = "nix-env --profile /nix/var/nix/profiles/per-user/root/app --switch-generation 1";
    host.shell(back).success();
    drop(
        scene
            .deploy(&status)
            .code(2)
            .says(&["changed since app-2.0 was deployed"]),
    );
    let plan = scene.deploy(&["plan", "--deny", "drift"]);
    drop(
        plan.code(6)
            .says(&["app-2.0 was deployed last, and the profile was changed since"]),
    );
}

#[test]
fn what_cannot_be_compared_with_is_an_error() {
    let bed = Bed::new(1);
    let scene = Scene::new(&bed, "fleet", &flake(&bed, "3.0.13", &[]));
    bed.operator()
        .write("/root/fleet/nodes.json", "{\"format_version\": 7}");
    drop(
        offline(&bed, &scene, &["plan", "--observed", "nodes.json"])
            .code(1)
            .says(&[
                "the observations nodes.json cannot be used",
                "format version 7",
                "deploy status --out",
            ]),
    );
    drop(offline(&bed, &scene, &["plan", "--observed", "none.json"]).code(1));
    drop(offline(&bed, &scene, &["plan", "--base", ".", "--observed", "x"]).code(64));
    let two = ["plan", ".", "path:/root/fleet", "--base", "."];
    drop(
        offline(&bed, &scene, &two)
            .code(1)
            .says(&["the nodes of one flake"]),
    );
}
