//! Profiles that cannot be built: said in full, the rest of the plan is still shown, and nothing
//! is changed on any node.

use crate::scene::{Says, Scene, Seen, fleet, one, seen};
use crate::testbed::{self, Bed, Flake, Node, Profile};

/// Two nodes whose profiles need the same package that cannot be built, and one good node.
fn broken(bed: &Bed, profile: &str) -> Flake {
    let package = "fixture.shell \"openssl-3.0\" { } \"for n in 1 2 3; do echo step $n; done; echo no such header; exit 7\"";
    let path = format!(
        "fixture.shell \"{profile}-1.0\" {{ package = {package}; }} \"echo $package > $out\""
    );
    let needs_it = Profile::new(profile, "1.0").path(&path);
    fleet()
        .node(Node::at(bed.host(0)).profile(needs_it.clone()))
        .node(Node::at(bed.host(1)).profile(needs_it))
        .node(Node::at(bed.host(2)).profile(Profile::new(profile, "1.0").package("good", "2.2")))
}

fn nothing_anywhere(bed: &Bed, profile: &str) {
    for host in bed.hosts() {
        assert_eq!(seen(host, profile), Seen::nothing(), "{}", host.name());
    }
}

#[test]
fn a_plan_tells_the_failed_derivation_its_log_and_who_waits() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "unbuilt-plan", &broken(bed, "unbuilt-plan"));
    let output = scene.deploy(&["plan", "--out", "plan.json"]).code(1).says(&[
        "-openssl-3.0.drv could not be built; waiting for it: web1.unbuilt-plan, web2.unbuilt-plan",
        "no such header",
        "step 1 step 2 step 3",
        "nothing was changed",
        // The good node's plan.
        "+ good 2.2",
        "3 to create",
    ]);
    assert_eq!(
        output.stderr.matches("could not be built").count(),
        1,
        "told once\n{output}"
    );
    nothing_anywhere(bed, "unbuilt-plan");
}

#[test]
fn an_apply_of_what_cannot_be_built_changes_nothing_anywhere() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "unbuilt", &broken(bed, "unbuilt"));
    drop(scene.deploy(&["apply", "--yes"]).code(1).says(&[
        "-openssl-3.0.drv could not be built",
        "web1.unbuilt, web2.unbuilt",
        "no such header",
        "nothing was changed on any node",
        "--exclude",
    ]));
    nothing_anywhere(bed, "unbuilt");
}

#[test]
fn the_nodes_that_need_nothing_of_it_go_on_if_they_may() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "unbuilt-on", &broken(bed, "unbuilt-on"));
    let output = scene.deploy(&["apply", "--yes", "--keep-going"]).code(3);
    drop(output.says(&["-openssl-3.0.drv could not be built", "1 profile activated"]));
    assert_eq!(seen(bed.host(2), "unbuilt-on").activations, ["1.0"]);
    for index in [0, 1] {
        assert_eq!(seen(bed.host(index), "unbuilt-on"), Seen::nothing());
    }
}

#[test]
fn the_rest_can_be_applied_without_what_cannot_be_built() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "unbuilt-rest", &broken(bed, "unbuilt-rest"));
    let words = [
        "apply",
        "--yes",
        "--exclude",
        ".#web1",
        "--exclude",
        ".#web2",
    ];
    drop(scene.deploy(&words).success());
    assert_eq!(seen(bed.host(2), "unbuilt-rest").activations, ["1.0"]);
    assert_eq!(seen(bed.host(0), "unbuilt-rest"), Seen::nothing());
}

#[test]
fn a_saved_plan_that_was_not_built_fails_before_anything_is_changed() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "unbuilt-later", &broken(bed, "unbuilt-later"));
    let words = ["plan", "--no-build", "--out", "plan.json"];
    drop(
        scene
            .deploy(&words)
            .success()
            .says(&["not built: changed packages and copy size are unknown"]),
    );
    drop(scene.deploy(&["apply", "plan.json"]).code(1).says(&[
        "the build failed; nothing was activated",
        "openssl-3.0.drv",
        "no such header",
    ]));
    nothing_anywhere(bed, "unbuilt-later");
}

#[test]
fn a_build_that_is_killed_or_prints_control_characters_is_told_safely() {
    let bed = testbed::shared();
    let script = "printf 'red \\033[31m alarm\\n'; kill -9 $$";
    let profile = Profile::new("killed", "1.0").build(script);
    let scene = Scene::new(bed, "killed", &one(bed.host(0), profile));
    let output = scene
        .deploy(&["apply", "--yes"])
        .code(1)
        .says(&["killed-1.0.drv could not be built", "alarm"]);
    assert!(!output.stderr.contains('\x1b'), "{output}");
    assert_eq!(seen(bed.host(0), "killed"), Seen::nothing());
}
