//! `--dry-activate`: the closures say on the nodes what they would do, and nothing changes.

use crate::scene::{Says, Scene, fleet, folder_of, one, path_of, seen};
use crate::testbed::{self, Flake, Host, Node, Profile};

const WORD: &str = "echo \"would ${DRY_ACTIVATE}start the shop\"";

/// The files beside a profile of root, and what is in the agent's folder.
fn traces(host: &Host, profile: &str) -> String {
    let (path, folder) = (path_of(profile), folder_of(profile));
    let list = format!("ls -l --full-time {path}* {folder}/* 2>&1 | grep -v total; true");
    host.shell(&list).success().stdout
}

fn flake(host: &Host, name: &str, version: &str, script: &str) -> Flake {
    one(host, Profile::new(name, version).script(script))
}

#[test]
fn closures_say_what_they_would_do_and_nothing_changes() {
    let (bed, name) = (testbed::shared(), "dry");
    let host = bed.host(0);
    let scene = Scene::new(bed, name, &flake(host, name, "1.0", WORD));
    drop(scene.apply());
    let before = traces(host, name);
    scene.folder.rewrite(&flake(host, name, "2.0", WORD));
    let words = ["says that it would do this:", "would 1start the shop"];
    // Nobody is asked, and there is nobody who could be.
    let applied = scene.deploy(&["apply", "--dry-activate"]).success();
    drop(applied.says(&words).says(&["1 profile activated dry"]));
    let bare = scene.deploy(&["--skip-checks", "--dry-activate"]);
    drop(bare.success().says(&words));
    let file = ["plan", "--dry-activate", "--out", "plan.json"];
    drop(scene.deploy(&file).success().says(&words));
    let plan = bed
        .operator()
        .read(&format!("{}/plan.json", scene.folder.path()));
    assert!(!plan.contains("would"), "what was said is in the plan");
    assert_eq!(
        seen(host, name).activations,
        ["1.0", "dry 2.0", "dry 2.0", "dry 2.0"]
    );
    assert_eq!(traces(host, name), before);
    let saved = scene.deploy(&["apply", "--dry-activate", "plan.json"]);
    drop(saved.code(64).says(&["cannot be given with a saved plan"]));
    for command in [&["plan"][..], &["apply"], &["--skip-checks"]] {
        let both = [command, &["--boot", "--dry-activate"]].concat();
        drop(scene.deploy(&both).code(64).says(&["cannot be used with"]));
    }
}

/// A dry activation that fails has failed, and nobody is sent back for it: deploy-rs exits with 0,
/// and where the connection breaks it takes back what it had never activated.
#[test]
fn a_dry_activation_that_fails_is_a_failure_and_takes_nothing_back() {
    let (bed, name) = (testbed::shared(), "dry-fails");
    let fleet_of = |version, script: &str| {
        let node = |index: usize, script: &str| {
            let profile = Profile::new(name, version).script(script);
            Node::at(bed.host(index)).profile(profile)
        };
        fleet().node(node(0, "")).node(node(1, script))
    };
    let scene = Scene::new(bed, name, &fleet_of("1.0", ""));
    drop(scene.apply());
    let before = [0, 1].map(|index| traces(bed.host(index), name));
    let script = "echo the shop would not start; exit 3";
    scene.folder.rewrite(&fleet_of("2.0", script));
    for command in [&["apply"][..], &["--skip-checks"], &["plan"]] {
        let dry = [command, &["--dry-activate"]].concat();
        let failed = scene.deploy(&dry).code(1);
        drop(failed.says(&["the dry activation failed", "the shop would not start"]));
    }
    assert_eq!([0, 1].map(|index| traces(bed.host(index), name)), before);
    let activations = [0, 1].map(|index| seen(bed.host(index), name).activations);
    let versions = ["1.0", "dry 2.0", "dry 2.0", "dry 2.0"].map(str::to_owned);
    assert_eq!(activations, [versions.clone(), versions]);
}

#[test]
fn a_closure_that_knows_none_is_not_run() {
    let (bed, name) = (testbed::shared(), "dry-unknown");
    let profile =
        Profile::new(name, "1.0").build("trap 'mv $out/deploy-rs-activate $out/activate' 0");
    let scene = Scene::new(bed, name, &one(bed.host(0), profile));
    let applied = scene.deploy(&["apply", "--dry-activate"]).success();
    drop(applied.says(&["without a dry activation"]));
    assert!(seen(bed.host(0), name).activations.is_empty());
}
