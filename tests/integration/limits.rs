//! `--max-builds`, `--max-copies`, `--max-activations` and `--parallel`: how much goes on at the
//! same time, by what the events say of when it began and ended.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::scene::{Scene, fleet};
use crate::testbed::{Bed, Flake, Node, Output, Profile};

/// A profile of its own for every host of the bed.
fn scene<'bed>(bed: &'bed Bed, name: &str, profile: impl Fn(usize) -> Profile) -> Scene<'bed> {
    let hosts = bed.hosts().iter().enumerate();
    let nodes = hosts.map(|(index, host)| Node::at(host).profile(profile(index)));
    Scene::new(bed, name, &nodes.fold(fleet(), Flake::node))
}

#[track_caller]
fn apply(scene: &Scene<'_>, flags: &[&str]) -> Output {
    let words = [&["apply", "--json"], flags].concat();
    scene.deploy(&words).success()
}

/// Returns the most things that went on at the same time, of those whose events are called `begun` and
/// `ended` and name them in this field, beginning with `prefix`.
#[track_caller]
fn most(output: &Output, field: &str, prefix: &str, [begun, ended]: [&str; 2]) -> usize {
    let events = output.stdout.lines();
    let events: Vec<Value> = events
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut running = BTreeSet::new();
    let mut most = 0;
    for event in &events {
        let name = event[field].as_str().unwrap_or_default();
        if name.starts_with(prefix) && event["event"] == begun {
            running.insert(name);
        } else if event["event"] == ended {
            running.remove(name);
        }
        most = most.max(running.len());
    }
    assert!(running.is_empty(), "{running:?}\n{output}");
    most
}

#[track_caller]
fn most_steps(output: &Output, kind: &str) -> usize {
    most(output, "step", kind, ["step_started", "step_finished"])
}

#[test]
fn builds_on_nodes() {
    let bed = Bed::new(3);
    let version = |version: &'static str| {
        move |index| {
            Profile::new("app", &format!("{version}.{index}"))
                .build("sleep 1")
                .setting("remoteBuild = true;")
        }
    };
    for (number, (flags, expected)) in [
        (&["--yes"][..], 3),
        (&["--yes", "--max-builds", "1"], 1),
        (&["--yes", "--max-builds", "2"], 2),
    ]
    .into_iter()
    .enumerate()
    {
        let scene = scene(&bed, "fleet", version(["1", "2", "3"][number]));
        let output = apply(&scene, flags);
        assert_eq!(most_steps(&output, "build:"), expected, "{output}");
    }
}

/// Nix builds for a plan in one call, and tells nothing of when: the builds themselves do.
#[test]
fn builds_for_a_plan() {
    let bed = Bed::new(3);
    let operator = bed.operator();
    let noted = "echo begun >>/root/builds; sleep 1; echo ended >>/root/builds";
    for (limit, version, in_turn) in [("1", "1", true), ("3", "2", false)] {
        operator.write("/root/builds", "");
        let scene = scene(&bed, "fleet", |index| {
            Profile::new("app", &format!("{version}.{index}")).build(noted)
        });
        drop(apply(&scene, &["--yes", "--max-builds", limit]));
        let builds = operator.read("/root/builds");
        assert_eq!(builds.lines().count(), 6, "{builds}");
        assert_eq!(
            builds == "begun\nended\n".repeat(3),
            in_turn,
            "{limit}: {builds}"
        );
    }
}

#[test]
fn builds_of_a_saved_plan() {
    let bed = Bed::new(3);
    for (limit, version, expected) in [("1", "1", 1), ("3", "2", 3)] {
        let scene = scene(&bed, "fleet", |index| {
            Profile::new("app", &format!("{version}.{index}")).build("sleep 1")
        });
        let plan = ["plan", "--no-build", "--out", "plan.json"];
        drop(scene.deploy(&plan).success());
        let output = apply(&scene, &["plan.json", "--max-builds", limit]);
        assert_eq!(most_steps(&output, "build:"), expected, "{output}");
    }
}

#[test]
fn copies_activations_and_logins() {
    let bed = Bed::new(3);
    let version = |version: &'static str| {
        move |index| {
            Profile::new("app", &format!("{version}.{index}"))
                .padding(4)
                .script("sleep 1")
        }
    };
    let logins = |output: &Output| {
        let events = ["observation_started", "observation_finished"];
        most(output, "node", "web", events)
    };
    let all = apply(&scene(&bed, "fleet", version("1")), &["--yes"]);
    assert!(most_steps(&all, "copy:") > 1, "{all}");
    assert_eq!(most_steps(&all, "activate:"), 3, "{all}");
    assert!(logins(&all) > 1, "{all}");
    let flags = [
        "--yes",
        "--max-copies",
        "1",
        "--max-activations",
        "2",
        "--parallel",
        "1",
    ];
    let few = apply(&scene(&bed, "fleet", version("2")), &flags);
    assert_eq!(most_steps(&few, "copy:"), 1, "{few}");
    assert_eq!(most_steps(&few, "activate:"), 2, "{few}");
    assert_eq!(logins(&few), 1, "{few}");
}
