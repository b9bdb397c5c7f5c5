//! Plans that are saved, reviewed and applied later: exactly once, and only while they fit.

use crate::scene::{Says, Scene, Seen, everywhere, one, path_of, seen};
use crate::testbed::{self, Bed, Host, Profile};

const NIX_CALLS: [&str; 5] = [
    "nix-build",
    "nix-instantiate",
    "\"eval\"",
    "\"flake\"",
    "\"build\"",
];

/// A profile at version 1.0 on web1, and a saved plan to 2.0.
fn planned(name: &str) -> Scene<'static> {
    let bed = testbed::shared();
    let flake = |version| one(bed.host(0), Profile::new(name, version));
    let scene = Scene::new(bed, name, &flake("1.0"));
    drop(scene.apply());
    scene.folder.rewrite(&flake("2.0"));
    drop(
        scene
            .save("plan.json")
            .says(&["generation 1 -> 2", "1.0 -> 2.0"]),
    );
    scene
}

fn web1() -> &'static Host {
    testbed::shared().host(0)
}

/// Applies the saved plan, which must be refused as stale and touch nothing.
#[track_caller]
fn is_stale(scene: &Scene<'_>, profile: &str, words: &[&str]) {
    let before = seen(web1(), profile);
    let output = scene.deploy(&["apply", "plan.json"]).code(4);
    drop(
        output
            .says(&[
                "the plan is stale, and nothing was changed on any node",
                "plan again",
            ])
            .says(words),
    );
    assert_eq!(seen(web1(), profile), before);
}

#[test]
fn a_plan_that_is_applied_twice_activates_once() {
    let scene = planned("twice");
    drop(
        scene
            .deploy(&["apply", "plan.json"])
            .success()
            .says(&["activated", "generation 1 -> 2"]),
    );
    let before = seen(web1(), "twice");
    assert_eq!(before.activations, ["1.0", "2.0"]);
    drop(
        scene
            .deploy(&["apply", "plan.json"])
            .success()
            .says(&["at its target"]),
    );
    assert_eq!(seen(web1(), "twice"), before);
}

#[test]
fn a_plan_made_before_another_apply_is_refused() {
    let scene = planned("overtaken");
    scene
        .folder
        .rewrite(&one(web1(), Profile::new("overtaken", "3.0")));
    drop(scene.apply());
    is_stale(
        &scene,
        "overtaken",
        &[
            "web1.overtaken",
            "expected generation 1",
            "found generation 2",
        ],
    );
}

#[test]
fn a_used_plan_is_refused_after_a_rollback_by_hand() {
    let scene = planned("used");
    drop(scene.deploy(&["apply", "plan.json"]).success());
    let path = path_of("used");
    web1().run(["nix-env", "-p", &path, "--rollback"]).success();
    assert_eq!(web1().link(&path).as_deref(), Some("used-1-link"));
    is_stale(
        &scene,
        "used",
        &["expected generation 1", "highest 1", "highest 2"],
    );
    // Even where somebody removed what the plan had made, it is used only if it fits again.
    web1()
        .run(["nix-env", "-p", &path, "--delete-generations", "2"])
        .success();
    drop(scene.deploy(&["apply", "plan.json"]).success());
    assert_eq!(seen(web1(), "used").numbers(), [1, 2]);
}

#[test]
fn a_plan_is_refused_after_a_change_by_hand() {
    let scene = planned("by-hand");
    let path = path_of("by-hand");
    web1()
        .shell(&format!("ln -sfn \"$(readlink {path}-1-link)\" {path}"))
        .success();
    is_stale(&scene, "by-hand", &["found no generation"]);
    web1().run(["rm", &path]).success();
    is_stale(&scene, "by-hand", &["found no profile"]);
}

#[test]
fn one_stale_node_refuses_the_whole_plan_unless_it_may_be_skipped() {
    let (bed, name) = (testbed::shared(), "one-stale");
    let scene = Scene::new(bed, name, &everywhere(bed, &Profile::new(name, "1.0")));
    drop(scene.save("plan.json"));
    scene
        .folder
        .rewrite(&everywhere(bed, &Profile::new(name, "0.9")));
    drop(scene.deploy(&["apply", "--yes", ".#web2"]).success());
    drop(
        scene
            .deploy(&["apply", "plan.json"])
            .code(4)
            .says(&["web2.one-stale"]),
    );
    assert_eq!(seen(bed.host(0), name), Seen::nothing());
    let output = scene
        .deploy(&["apply", "plan.json", "--skip-stale"])
        .code(3);
    drop(output.says(&["web2", "refused (stale)", "2 profiles activated"]));
    for (index, version) in ["1.0", "0.9", "1.0"].into_iter().enumerate() {
        assert_eq!(seen(bed.host(index), name).activations, [version]);
    }
}

#[test]
fn a_saved_plan_is_narrowed_by_targets() {
    let (bed, name) = (testbed::shared(), "narrowed");
    let scene = Scene::new(bed, name, &everywhere(bed, &Profile::new(name, "1.0")));
    drop(scene.save("plan.json"));
    drop(scene.deploy(&["apply", "plan.json", ".#web2"]).success());
    assert_eq!(seen(bed.host(0), name), Seen::nothing());
    assert_eq!(seen(bed.host(1), name).activations, ["1.0"]);
    drop(
        scene
            .deploy(&["apply", "plan.json", ".#wbe2"])
            .code(64)
            .says(&[".#wbe2 is not in the plan"]),
    );
    drop(
        scene
            .deploy(&["apply", "plan.json", ".#web3.other"])
            .code(64)
            .says(&["is not in the plan"]),
    );
}

/// Where its outputs are not needed from elsewhere, a saved plan needs nothing but Nix's store.
#[test]
fn a_saved_plan_evaluates_nothing() {
    let bed = testbed::shared();
    let mut scene = planned("no-evaluation");
    scene.folder.move_to("/root/no-evaluation.moved");
    let words = [
        "-f",
        "-s",
        "4096",
        "-e",
        "trace=execve",
        "-o",
        "/root/no-evaluation.trace",
        "deploy",
        "apply",
        "plan.json",
    ];
    drop(scene.operator_command("strace", &words).run().success());
    let trace = bed.operator().read("/root/no-evaluation.trace");
    assert!(
        trace.contains("\"copy\"") && trace.contains("nix-store"),
        "the trace has what runs\n{trace}"
    );
    for call in NIX_CALLS {
        assert!(!trace.contains(call), "{call}\n{trace}");
    }
    assert_eq!(seen(web1(), "no-evaluation").activations, ["1.0", "2.0"]);
}

#[test]
fn a_plan_after_a_garbage_collection_still_has_its_outputs() {
    let bed = Bed::new(1);
    let scene = Scene::new(
        &bed,
        "kept",
        &one(
            bed.host(0),
            Profile::new("kept", "1.0").package("hello", "1.0"),
        ),
    );
    let kept = || {
        bed.operator()
            .shell("nix-store --gc; ls /nix/store | grep -c 'kept-1.0$' || true")
    };
    drop(scene.save("plan.json"));
    assert_eq!(kept().success().stdout.lines().last(), Some("1"));
    drop(scene.deploy(&["apply", "plan.json"]).success());
    assert_eq!(seen(bed.host(0), "kept").activations, ["1.0"]);
    // Once it is at its target, nothing keeps them any more.
    assert_eq!(kept().success().stdout.lines().last(), Some("0"));
}

#[test]
fn an_approval_is_of_one_plan() {
    let scene = planned("approved");
    let digest = scene.deploy(&["show", "--digest", "plan.json"]).success();
    let digest = digest.text().to_owned();
    assert_eq!(digest.len(), 64, "{digest}");
    let before = seen(web1(), "approved");
    // The same change, planned again, is another plan.
    drop(scene.save("other.json"));
    drop(
        scene
            .deploy(&["apply", "other.json", "--digest", &digest])
            .code(1)
            .says(&["another plan than the one that was approved", &digest]),
    );
    assert_eq!(seen(web1(), "approved"), before);
    let unsaved = scene.deploy(&["apply", "--yes", "--digest", &digest]);
    drop(unsaved.code(64).says(&["--digest needs a saved plan"]));
    drop(
        scene
            .deploy(&["apply", "plan.json", "--digest", &digest])
            .success(),
    );
    assert_eq!(seen(web1(), "approved").activations, ["1.0", "2.0"]);
}

#[test]
fn a_plan_is_shown_in_every_format() {
    let scene = planned("formats");
    for (format, words) in [
        ("human", &["1.0 -> 2.0"][..]),
        ("json", &["\"format_version\": 1"]),
        (
            "markdown",
            &["<!-- deploy plan -->", "| 1.0 | 2.0 | upgrade |"],
        ),
        ("dot", &["digraph plan {", "activate web1 formats"]),
        ("mermaid", &["flowchart LR", "activate web1 formats"]),
    ] {
        let shown = scene.deploy(&["show", "--format", format, "plan.json"]);
        let shown = shown.success().says(words);
        let planned = scene.deploy(&["plan", "--format", format]).success();
        drop(planned.says(words));
        drop(shown);
    }
}
