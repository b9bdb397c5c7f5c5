//! What a `path` may be, and where profiles and programs may lie.

use std::fs;
use std::os::unix::fs::symlink;

use crate::scene::{Says, Scene, files_of, one, path_of, seen, seen_at};
use crate::testbed::{self, Bed, HostSettings, Profile};

#[test]
fn a_path_that_is_the_text_of_a_derivation() {
    let (bed, name) = (testbed::shared(), "as-text");
    let derivation = "fixture.profile { name = \"as-text\"; version = \"1.0\"; packages = [ ]; script = \"\"; build = \"\"; padding = 0; }";
    let profile = Profile::new(name, "1.0").path(&format!("\"${{{derivation}}}\""));
    let scene = Scene::new(bed, name, &one(bed.host(0), profile));
    let plan = scene.plan_json();
    let drv = plan["profiles"][0]["target"]["drv_path"]
        .as_str()
        .unwrap_or_default();
    assert!(drv.ends_with("-as-text-1.0.drv"), "{plan}");
    drop(scene.apply());
    assert_eq!(seen(bed.host(0), name).activations, ["1.0"]);
}

#[test]
fn a_path_that_is_in_the_store_already() {
    let (bed, name) = (testbed::shared(), "in-store");
    let scene = Scene::new(bed, name, &one(bed.host(0), Profile::new(name, "1.0")));
    let path = scene.plan_json()["profiles"][0]["target"]["path"].to_string();
    scene
        .folder
        .rewrite(&one(bed.host(0), Profile::new(name, "1.0").path(&path)));
    let plan = scene.plan_json();
    assert_eq!(
        plan["profiles"][0]["target"]["drv_path"],
        serde_json::Value::Null
    );
    drop(scene.apply());
    assert_eq!(seen(bed.host(0), name).activations, ["1.0"]);
}

#[test]
fn the_system_profile_lies_where_nixos_has_it() {
    let bed = testbed::shared();
    let profile = Profile::new("system", "1.0");
    let scene = Scene::new(bed, "system", &one(bed.host(2), profile));
    drop(scene.apply());
    let system = seen_at(bed.host(2), "/nix/var/nix/profiles/system", "system");
    assert_eq!(
        (system.numbers(), system.activations),
        (vec![1], vec!["1.0".to_owned()])
    );
    assert_eq!(bed.host(2).link(&path_of("system")), None);
}

#[test]
fn a_profile_path_of_one_s_own() {
    let bed = testbed::shared();
    let path = "/nix/var/nix/profiles/of one's own/pro file";
    let profile = Profile::new("own-path", "1.0").setting(&format!("profilePath = \"{path}\";"));
    let scene = Scene::new(bed, "own-path", &one(bed.host(2), profile));
    drop(scene.apply());
    assert_eq!(bed.host(2).link(path).as_deref(), Some("pro file-1-link"));
    assert_eq!(bed.host(2).activations("own-path"), ["1.0"]);
    drop(scene.deploy(&["plan", "--detailed-exitcode"]).code(0));
}

#[test]
fn a_folder_of_one_s_own_for_the_confirmation() {
    let bed = testbed::shared();
    let (host, folder) = (bed.host(2), "/var/lib/own temporary");
    host.run(["mkdir", folder]).success();
    let profile = |version| {
        let setting = format!("tempPath = \"{folder}\"; confirmTimeout = 3;");
        one(host, Profile::new("own-folder", version).setting(&setting))
    };
    let scene = Scene::new(bed, "own-folder", &profile("1.0"));
    drop(scene.apply());
    scene.folder.rewrite(&profile("2.0"));
    let running = scene.apply_unconfirmed();
    let awaited = format!("[ \"$(stat -c %a '{folder}'/deploy-confirm-*)\" = 700 ]");
    host.comes_to("the folder of the confirmation", &awaited);
    drop(running.wait().code(3).says(&["rolled back"]));
    let after = host.run(["ls", "-A", folder]).success();
    assert_eq!(after.text(), "");
    assert_eq!(host.activations("own-folder"), ["1.0", "2.0", "1.0"]);
}

/// As on machines where only login shells have Nix on their PATH.
#[test]
fn a_nix_that_is_not_on_the_path() {
    let bed = Bed::builder()
        .host(HostSettings::new("hidden").without_nix())
        .boot();
    let host = bed.host(0);
    let folder = host.folder().join("nix/var/nix/profiles/default/bin");
    fs::create_dir_all(&folder).expect("making the folder for Nix");
    fs::copy("/usr/bin/nix", folder.join("nix")).expect("copying Nix");
    for name in ["nix-store", "nix-env"] {
        symlink("nix", folder.join(name)).expect("linking to Nix");
    }
    let scene = Scene::new(&bed, "fleet", &one(host, Profile::new("app", "1.0")));
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["+ app create generation 1"]),
    );
    drop(scene.apply());
    assert_eq!(seen(host, "app").activations, ["1.0"]);
}

#[test]
fn the_changed_packages_are_told() {
    let (bed, name) = (testbed::shared(), "packages");
    let flake = |profile: Profile| one(bed.host(0), profile);
    let before = Profile::new(name, "1.0")
        .package("curl", "8.1")
        .package("gone", "0.9")
        .package("same", "3");
    let after = Profile::new(name, "1.0")
        .package("curl", "8.2")
        .package("new", "5.0")
        .package("same", "3");
    let scene = Scene::new(bed, name, &flake(before));
    drop(scene.apply());
    scene.folder.rewrite(&flake(after));
    let output = scene.deploy(&["plan"]).success();
    drop(
        output
            .says(&[
                "curl 8.1 -> 8.2",
                "+ new 5.0",
                "- gone 0.9",
                "packages 1.0 (rebuilt, 1 path)",
                "copy: 3 paths",
            ])
            .never_says(&["same 3"]),
    );
}

#[test]
fn nothing_is_written_on_a_node_by_a_plan() {
    let bed = Bed::new(1);
    let flake = |version| one(bed.host(0), Profile::new("app", version));
    let scene = Scene::new(&bed, "fleet", &flake("1.0"));
    drop(scene.apply());
    scene.folder.rewrite(&flake("2.0"));
    let before = files_of(bed.host(0));
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["generation 1 -> 2"]),
    );
    let after = files_of(bed.host(0));
    let changed: Vec<_> = before.symmetric_difference(&after).collect();
    assert_eq!(changed, [""; 0]);
}

#[test]
fn what_an_evaluation_says_is_told() {
    let (bed, name) = (testbed::shared(), "warns");
    let path = "builtins.trace \"warning: an old option\" (fixture.package { name = \"warns\"; version = \"1.0\"; })";
    let scene = Scene::new(
        bed,
        name,
        &one(bed.host(0), Profile::new(name, "1.0").path(path)),
    );
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["trace: warning: an old option"])
            .never_says(&["deploy-settings"]),
    );
    drop(
        scene
            .deploy(&["plan", "--quiet"])
            .success()
            .never_says(&["an old option"]),
    );
}

#[test]
fn arguments_for_nix_reach_the_evaluation_and_stand_in_the_plan() {
    let (bed, name) = (testbed::shared(), "impure");
    let package = "fixture.package { name = \"impure\"; version = builtins.getEnv \"VERSION\"; }";
    let scene = Scene::new(
        bed,
        name,
        &one(bed.host(0), Profile::new(name, "1.0").path(package)),
    );
    let words = ["plan", "--format", "json", "--", "--impure"];
    let plan = scene
        .command(&words)
        .env("VERSION", "7.7")
        .run()
        .success()
        .json();
    assert_eq!(
        plan["flakes"][0]["nix_args"],
        serde_json::json!(["--impure"])
    );
    let path = plan["profiles"][0]["target"]["path"]
        .as_str()
        .unwrap_or_default();
    assert!(path.ends_with("-impure-7.7"), "{plan}");
    drop(
        scene
            .deploy(&["plan", "--", "--no-such-option"])
            .code(1)
            .says(&["--no-such-option"]),
    );
}

#[test]
fn an_operator_without_nix_or_a_state_folder_is_told() {
    let (bed, name) = (testbed::shared(), "bare-operator");
    let scene = Scene::new(bed, name, &one(bed.host(0), Profile::new(name, "1.0")));
    let script = "deploy=$(command -v deploy); PATH=/nowhere; exec \"$deploy\" apply --yes";
    let output = scene.operator_command("sh", &["-c", script]).run().code(1);
    drop(output.says(&["needs Nix, which could not be started here", "install Nix"]));
    let output = scene
        .command(&["apply", "--yes"])
        .env("XDG_STATE_HOME", "/proc/nowhere")
        .run()
        .code(1);
    drop(output.says(&["could not make the folder", "/proc/nowhere"]));
    assert_eq!(bed.host(0).activations(name), Vec::<String>::new());
}
