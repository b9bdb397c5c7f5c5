//! Fleets that a Nix file describes, without a flake: `--file`, and folders with a default.nix.

use serde_json::json;

use crate::scene::{Says, Scene, fleet, one, seen};
use crate::testbed::{self, Bed, Flake, Node, Output, Profile};

/// A default.nix with one profile on the first host of the shared bed.
fn file(name: &str, version: &str) -> Flake {
    let host = testbed::shared().host(0);
    one(host, Profile::new(name, version)).without_flake()
}

fn activations(name: &str) -> Vec<String> {
    seen(testbed::shared().host(0), name).activations
}

fn deploy_from(folder: &str, scene: &Scene<'_>, words: &[&str]) -> Output {
    scene.command(words).directory(folder).run()
}

#[test]
fn a_folder_with_a_default_nix_is_deployed_looked_at_and_taken_back() {
    let scene = Scene::new(
        testbed::shared(),
        "file-folder",
        &file("file-folder", "1.0"),
    );
    drop(
        scene
            .deploy(&[])
            .success()
            .says(&["checking .", "activated"]),
    );
    let plan = scene.plan_json();
    assert_eq!(
        plan["flakes"],
        json!([{ "kind": "file", "url": ".", "locked": ".", "nar_hash": null, "dirty": true, "nix_args": [] }])
    );
    scene.folder.rewrite(&file("file-folder", "2.0"));
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["file . not locked", "generation 1 -> 2"]),
    );
    drop(scene.apply().never_says(&["deploy-settings"]));
    drop(scene.deploy(&["status"]).success().says(&["file-folder"]));
    drop(scene.deploy(&["rollback", ".#web1", "--yes"]).success());
    assert_eq!(activations("file-folder"), ["1.0", "2.0", "1.0"]);
}

#[test]
fn with_file_a_target_is_a_node_or_a_profile_of_it() {
    let bed = testbed::shared();
    let profile = |name: &str| Profile::new(name, "1.0");
    let broken = profile("broken").path("throw \"nobody asked for this\"");
    let node = Node::at(bed.host(0))
        .profile(profile("file-one"))
        .profile(profile("file-two"));
    let flake = fleet()
        .node(node)
        .node(Node::at(bed.host(1)).profile(broken));
    let scene = Scene::new(bed, "file named", &flake.without_flake());
    let named = ["-f", "/root/file named/default.nix"];
    for words in [
        &["-s", "web1.file-one"][..],
        &["apply", "--yes", "web1", "--exclude", "web1.file-two"],
        &["plan", ".#web1"],
        &["status", "web1.file-one"],
        &["check", "web1"],
        &["rollback", "web1.file-one", "--list"],
    ] {
        drop(deploy_from("/root", &scene, &[words, &named].concat()).success());
    }
    assert_eq!(activations("file-one").len(), 1);
    assert_eq!(activations("file-two"), Vec::<String>::new());
    let words = ["apply", "--yes", "file named/default.nix#web1.file-two"];
    drop(deploy_from("/root", &scene, &words).success());
    assert_eq!(activations("file-two"), ["1.0"]);
    let slips = [
        (64, "./fleet#web1", "leave --file out"),
        (
            1,
            "web7",
            "file /root/file named/default.nix has no node `web7`",
        ),
        (1, ".", "nobody asked for this"),
    ];
    for (code, target, words) in slips {
        let output = deploy_from("/root", &scene, &[&["plan", target][..], &named].concat());
        drop(output.code(code).says(&[words]));
    }
}

#[test]
fn the_checks_of_a_file_are_built() {
    let system = testbed::system();
    let checked = |script: &str| {
        file("file-checked", "1.0").output(&format!(
            "checks.{system}.own = fixture.shell \"own-check\" {{ }} \"{script}\";"
        ))
    };
    let failing = checked("echo not like this; exit 1");
    let scene = Scene::new(testbed::shared(), "file-checked", &failing);
    let words = ["the checks of file . failed", "not like this"];
    drop(scene.deploy(&[]).code(1).says(&words));
    drop(scene.deploy(&["plan", "--checks"]).code(1).says(&words));
    assert_eq!(activations("file-checked"), Vec::<String>::new());
    scene.folder.rewrite(&checked("echo fine > $out"));
    drop(scene.deploy(&[]).success());
    assert_eq!(activations("file-checked"), ["1.0"]);
}

#[test]
fn a_file_is_compared_with_the_file_of_another_checkout() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "file-base", &file("file-base", "2.0"));
    let old = bed
        .operator()
        .flake("/root/file-base-old", &file("file-base", "1.0"));
    let words = ["plan", "--base", old.path()];
    drop(
        scene
            .deploy(&words)
            .success()
            .says(&["file-base 1.0 -> 2.0"]),
    );
}

#[test]
fn a_saved_plan_of_a_file_is_applied_and_made_again_by_nobody() {
    let bed = Bed::new(1);
    let flake = |version: &str| one(bed.host(0), Profile::new("app", version)).without_flake();
    let scene = Scene::new(&bed, "fleet", &flake("1.0"));
    drop(scene.save("/root/plan.json"));
    scene.folder.rewrite(&flake("2.0"));
    drop(
        scene
            .deploy(&["apply", "/root/plan.json", ".#web1"])
            .success(),
    );
    assert_eq!(seen(bed.host(0), "app").activations, ["1.0"]);
    drop(scene.save("/root/plan.json"));
    let with_file = ["apply", "/root/plan.json", "--file", "."];
    drop(
        scene
            .deploy(&with_file)
            .code(64)
            .says(&["--file cannot be given with a saved plan"]),
    );
    let lose = "rm -rf /root/.local/state/deploy/plans && nix-collect-garbage";
    bed.operator().shell(lose).success();
    let refused = scene.deploy(&["apply", "/root/plan.json"]).code(1);
    drop(refused.says(&["made from the file ., which nothing locks"]));
    assert_eq!(seen(bed.host(0), "app").activations, ["1.0"]);
}

#[test]
fn flakes_and_files_are_checked_in_one_call() {
    let bed = testbed::shared();
    let misspelled = Profile::new("file-check", "1.0").setting("magicRollbak = true;");
    let scene = Scene::new(
        bed,
        "file-check",
        &one(bed.host(0), misspelled).without_flake(),
    );
    let flake = one(bed.host(1), Profile::new("file-check", "1.0"));
    let other = bed.operator().flake("/root/file-check-flake", &flake);
    let words = [
        "check",
        "--format",
        "json",
        ".",
        other.path(),
        "default.nix",
    ];
    let report = scene.deploy(&words).code(1).json();
    let found = report["flakes"].as_array().unwrap().iter().map(|one| {
        let count = one["findings"].as_array().unwrap().len();
        (one["flake"].as_str().unwrap(), count)
    });
    let text = scene.deploy(&["check", ".", other.path()]).code(1);
    let counts = format!("flake {}: 0 errors", other.path());
    drop(text.says(&["file .: 1 error", &counts]));
    let expected = [(".", 1), (other.path(), 0), ("default.nix", 1)];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_that_says_nothing_of_a_fleet_is_told() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "file-bad", &Flake::raw("{ }: { }").without_flake());
    drop(
        scene
            .deploy(&["plan"])
            .code(1)
            .says(&["file . has no `deploy` attribute"]),
    );
    drop(
        scene
            .deploy(&["check"])
            .code(1)
            .says(&["file . has no `deploy` attribute"]),
    );
    scene
        .folder
        .rewrite(&Flake::raw("{ deploy = ; }").without_flake());
    drop(
        scene
            .deploy(&["plan"])
            .code(1)
            .says(&["file . does not evaluate", "syntax error"]),
    );
    let words = ["plan", "--file", "nowhere.nix"];
    drop(
        scene
            .deploy(&words)
            .code(1)
            .says(&["file nowhere.nix does not evaluate"]),
    );
}
