//! Saved plans on a machine whose store has nothing of them: the same outputs, or none.

use crate::scene::{Says, Scene, one, seen};
use crate::testbed::{Bed, Profile};

/// A saved plan of a first deployment, whose outputs and derivations are then gone from the
/// operator's store, as on another machine.
struct Elsewhere {
    bed: Bed,
}

impl Elsewhere {
    fn new() -> Self {
        Self { bed: Bed::new(1) }
    }

    fn scene(&self) -> Scene<'_> {
        let flake = one(self.bed.host(0), Profile::new("app", "1.0"));
        Scene::new(&self.bed, "fleet", &flake)
    }

    #[track_caller]
    fn commit(&self) {
        let script = "cd /root/fleet && git init -q . && git add . && \
            git -c user.name=a -c user.email=a@b commit -qm a";
        self.bed.operator().shell(script).success();
    }

    #[track_caller]
    fn lose_everything(&self) {
        let script = "rm -rf /root/.local/state/deploy/plans && nix-collect-garbage";
        self.bed.operator().shell(script).success();
        let left = self
            .bed
            .operator()
            .shell("ls -d /nix/store/*-app-1.0* 2>/dev/null || true");
        assert_eq!(left.text(), "", "the outputs are still there");
    }

    #[track_caller]
    fn is_as_before(&self) {
        assert_eq!(seen(self.bed.host(0), "app").link, None);
    }

    #[track_caller]
    fn is_applied(&self) {
        assert_eq!(seen(self.bed.host(0), "app").activations, ["1.0"]);
    }
}

#[test]
fn the_outputs_come_from_a_substituter() {
    let elsewhere = Elsewhere::new();
    let scene = elsewhere.scene();
    let cache = ["--", "--option", "substituters", "file:///root/cache"];
    let trust = ["--option", "require-sigs", "false"];
    let plan = [&["plan", "--out", "plan.json"][..], &cache, &trust].concat();
    drop(scene.deploy(&plan).success());
    let path = "$(ls -d /nix/store/*-app-1.0)";
    let copy = format!(
        "nix --extra-experimental-features nix-command copy --to file:///root/cache {path}"
    );
    elsewhere.bed.operator().shell(&copy).success();
    elsewhere.lose_everything();
    // No tree is left to be evaluated.
    elsewhere
        .bed
        .operator()
        .shell("mv /root/fleet/flake.nix /root")
        .success();
    drop(scene.deploy(&["apply", "plan.json"]).success());
    elsewhere.is_applied();
}

#[test]
fn the_locked_reference_is_evaluated_again_and_gives_the_same() {
    let elsewhere = Elsewhere::new();
    let scene = elsewhere.scene();
    elsewhere.commit();
    drop(scene.save("/root/plan.json"));
    elsewhere.lose_everything();
    // What is in the tree now is not what was reviewed.
    let flake = one(elsewhere.bed.host(0), Profile::new("app", "2.0"));
    scene.folder.rewrite(&flake);
    drop(scene.deploy(&["apply", "/root/plan.json"]).success());
    elsewhere.is_applied();
}

#[test]
fn a_tree_that_was_never_committed_cannot_be_had_elsewhere() {
    let elsewhere = Elsewhere::new();
    let scene = elsewhere.scene();
    elsewhere.commit();
    elsewhere
        .bed
        .operator()
        .append("/root/fleet/flake.nix", "# changed\n");
    drop(
        scene
            .save("/root/plan.json")
            .says(&["with uncommitted changes"]),
    );
    elsewhere.lose_everything();
    let refused = scene.deploy(&["apply", "/root/plan.json"]).code(1);
    drop(refused.says(&[
        "cannot be made here",
        "with uncommitted changes",
        "commit and plan again",
    ]));
    elsewhere.is_as_before();
}

#[test]
fn a_node_cannot_build_what_was_never_committed() {
    let elsewhere = Elsewhere::new();
    let profile = Profile::new("app", "1.0").setting("remoteBuild = true;");
    let flake = one(elsewhere.bed.host(0), profile);
    let scene = Scene::new(&elsewhere.bed, "fleet", &flake);
    elsewhere.commit();
    let operator = elsewhere.bed.operator();
    operator.append("/root/fleet/flake.nix", "# changed\n");
    drop(scene.save("/root/plan.json"));
    elsewhere.lose_everything();
    let refused = scene.deploy(&["apply", "/root/plan.json"]).code(1);
    drop(refused.says(&["-app-1.0.drv is not here", "with uncommitted changes"]));
    elsewhere.is_as_before();
}

#[test]
fn another_output_than_was_reviewed_is_refused() {
    let elsewhere = Elsewhere::new();
    let version = "builtins.readFile /root/version";
    let profile = Profile::new("app", "1.0");
    let path = format!(
        "derivation {{ name = \"app-\" + {version}; system = builtins.currentSystem; \
         builder = \"/bin/sh\"; args = [ \"-c\" \"export PATH=/bin:/usr/bin; mkdir $out; \
         echo '#!/bin/sh' >$out/deploy-rs-activate; chmod +x $out/deploy-rs-activate\" ]; }}"
    );
    let flake = one(elsewhere.bed.host(0), profile.path(&path));
    let scene = Scene::new(&elsewhere.bed, "fleet", &flake);
    elsewhere.bed.operator().write("/root/version", "1.0");
    elsewhere.commit();
    let plan = ["plan", "--out", "/root/plan.json", "--", "--impure"];
    drop(scene.deploy(&plan).success());
    elsewhere.lose_everything();
    elsewhere.bed.operator().write("/root/version", "2.0");
    let refused = scene.deploy(&["apply", "/root/plan.json"]).code(1);
    drop(refused.says(&[
        "app-2.0 for web1.app here, and not",
        "app-1.0, which was reviewed",
    ]));
    elsewhere.is_as_before();
}
