//! `--eval-jobs`: several evaluators find what one finds, and an error of one node does not hide
//! those of others.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::scene::{Says, Scene, Seen, fleet, seen};
use crate::testbed::{self, Bed, Flake, Node, Output, Profile};

/// A `nix` before the real one on PATH that notes each call and what it says on standard error.
const LISTENING: &str = r#"#!/bin/sh
echo "call: $*" >>"$NIX_LOG"
exec 3>&1
code=$({ { /usr/bin/nix "$@" 2>&1 >&3; echo $? >&4; } | tee -a "$NIX_LOG" >&2; } 4>&1)
exit "$code"
"#;

/// Names that sort in another way by themselves than in lists, or could leave their string.
const ELSEWHERE: [&str; 5] = ["a.b", "Z", "a-b", "${x}", "\"quoted\""];

/// A fleet of the bed's hosts and of nodes that nobody answers for.
fn mixed(bed: &Bed, profile: &str) -> Flake {
    let profile = |node: &str| {
        let other = Profile::new(&format!("{profile}-2"), node);
        (Profile::new(profile, node), other)
    };
    let hosts = bed.hosts().iter().map(|host| (host.name(), Node::at(host)));
    let elsewhere = ELSEWHERE.map(|name| (name, Node::new(name, "127.0.0.77")));
    hosts.chain(elsewhere).fold(fleet(), |fleet, (name, node)| {
        let version: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let (one, other) = profile(&version);
        fleet.node(node.profile(one).profile(other))
    })
}

/// Returns a plan, without what no two plans have in common.
fn plan(scene: &Scene<'_>, jobs: &str) -> Value {
    let words = ["plan", "--format", "json", "--eval-jobs", jobs];
    let mut plan = scene.deploy(&words).success().json();
    for name in ["id", "created_at", "digest"] {
        plan[name] = Value::Null;
    }
    plan
}

#[test]
fn several_evaluators_give_the_plan_of_one() {
    let bed = testbed::shared();
    let flake = mixed(bed, "shared-out");
    for (folder, flake) in [
        ("shared-out", flake.clone()),
        ("shared-out-file", flake.without_flake()),
    ] {
        let scene = Scene::new(bed, folder, &flake);
        let one = plan(&scene, "1");
        assert_eq!(one["profiles"].as_array().unwrap().len(), 16);
        for jobs in ["2", "3", "50"] {
            assert_eq!(plan(&scene, jobs), one, "{folder}: {jobs}");
        }
    }
}

/// Runs `deploy`, and returns how `nix` was called and what it said.
fn listened(scene: &Scene<'_>, words: &[&str]) -> (Output, Vec<String>) {
    let operator = testbed::shared().operator();
    let folder = scene.folder.path();
    operator.write(&format!("{folder}-nix/nix"), LISTENING);
    operator
        .run(["chmod", "+x", &format!("{folder}-nix/nix")])
        .success();
    let log = format!("{folder}-nix/log");
    operator.write(&log, "");
    let script = format!("PATH={folder}-nix:$PATH exec deploy \"$@\"");
    let words = [&["-c", &script, "sh"], words].concat();
    let command = scene.operator_command("sh", &words).env("NIX_LOG", &log);
    let output = command.run();
    let lines = operator.read(&log);
    (output, lines.lines().map(str::to_owned).collect())
}

/// Returns how many evaluators there were, and how often each node was evaluated.
fn evaluated(log: &[String]) -> (usize, BTreeMap<String, usize>) {
    let calls = log
        .iter()
        .filter(|line| line.starts_with("call:") && line.split(' ').any(|word| word == "eval"));
    let mut nodes = BTreeMap::new();
    for line in log {
        if let Some((_, name)) = line
            .split_once("deploy-done:")
            .filter(|_| !line.starts_with("call:"))
        {
            let name: String = serde_json::from_str(name).unwrap();
            *nodes.entry(name).or_default() += 1;
        }
    }
    (calls.count(), nodes)
}

#[test]
fn each_node_is_evaluated_once() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "dealt", &mixed(bed, "dealt"));
    let names = bed.hosts().iter().map(|host| host.name()).chain(ELSEWHERE);
    let once: BTreeMap<String, usize> = names.map(|name| (name.to_owned(), 1)).collect();
    for (flags, evaluators) in [
        (&["--eval-jobs", "1"][..], 1),
        (&["--eval-jobs", "3"], 3),
        (&["--eval-jobs", "50"], 8),
        // So few nodes are not worth two.
        (&[], 1),
    ] {
        let (output, log) = listened(&scene, &[&["plan"], flags].concat());
        assert_eq!(
            evaluated(&log),
            (evaluators, once.clone()),
            "{flags:?}\n{output}"
        );
    }
    let words = [
        "plan",
        "--eval-jobs",
        "3",
        ".#web1",
        ".#web2.dealt",
        "--exclude",
        ".#web1.dealt",
    ];
    let (output, log) = listened(&scene, &words);
    let selected = ["web1", "web2"].map(|name| (name.to_owned(), 1));
    assert_eq!(evaluated(&log), (2, BTreeMap::from(selected)), "{output}");
    drop(
        output
            .success()
            .says(&["+ dealt-2 create", "+ dealt create"]),
    );
}

/// A fleet of so many nodes, of which every second throws.
fn half_bad(nodes: usize) -> Flake {
    let node = |number: usize| {
        let profile = Profile::new("half-bad", "1.0");
        let profile = if number % 2 == 1 {
            profile.path(&format!("throw \"reason of {number}\""))
        } else {
            profile
        };
        Node::new(&format!("node{number:02}"), "127.0.0.77").profile(profile)
    };
    (0..nodes).map(node).fold(fleet(), Flake::node)
}

#[test]
fn all_nodes_that_do_not_evaluate_are_named() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "half-bad", &half_bad(6));
    for words in [
        &["plan"][..],
        &["plan", "--eval-jobs", "1"],
        &["plan", "--eval-jobs", "3"],
        &["apply", "--yes", "--eval-jobs", "2"],
        &["-s", "--eval-jobs", "2"],
        &["check", "--paths", "--eval-jobs", "2"],
    ] {
        let output = scene.deploy(words).code(1);
        drop(output.says(&[
            "nodes `node01`, `node03`, `node05` of flake . do not evaluate",
            "node `node01`:",
            "error: reason of 1",
            "error: reason of 3",
            "error: reason of 5",
            "nothing was changed on any node",
        ]));
    }
    let (_, log) = listened(&scene, &["plan", "--eval-jobs", "1"]);
    // One for all, and one for what is behind each that fails.
    assert_eq!(evaluated(&log).0, 3, "{log:#?}");
    let file = Scene::new(bed, "half-bad-file", &half_bad(4).without_flake());
    drop(
        file.deploy(&["plan"])
            .code(1)
            .says(&["nodes `node01`, `node03` of file . do not evaluate"]),
    );
    assert_eq!(seen(bed.host(0), "half-bad"), Seen::nothing());
}

#[test]
fn a_mistake_that_all_nodes_have_in_common_is_not_tried_on_all() {
    let bed = testbed::shared();
    let node = |number: usize| {
        let profile = Profile::new("in-common", "1.0").path("throw \"one reason\"");
        Node::new(&format!("node{number:02}"), "127.0.0.77").profile(profile)
    };
    let flake = (0..12).map(node).fold(fleet(), Flake::node);
    let scene = Scene::new(bed, "in-common", &flake);
    let output = scene.deploy(&["plan"]).code(1).says(&[
        "`node00`, `node01`, `node02`, `node03`, `node04`, `node05`, `node06`, `node07` of flake . do not evaluate",
        "not evaluated any more: nodes `node08`, `node09`, `node10`, `node11`",
    ]);
    assert_eq!(output.stderr.matches("one reason").count(), 1, "{output}");
}

#[test]
fn a_number_that_is_none_is_refused() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "eval-jobs", &mixed(bed, "eval-jobs"));
    for words in [
        &["plan"][..],
        &["apply", "--yes"],
        &["-s"],
        &["check", "--paths"],
    ] {
        for number in ["0", "two"] {
            let words = [words, &["--eval-jobs", number]].concat();
            drop(scene.deploy(&words).code(64).says(&["--eval-jobs"]));
        }
    }
}
