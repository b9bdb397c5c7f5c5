//! `--trace`: a picture of where the time went, with everything that was started for it.

use crate::testbed::{Bed, Flake, Node, Profile};

#[test]
fn a_trace_has_every_program_and_connection_of_a_run() {
    let bed = Bed::new(1);
    let profile = Profile::new("app", "1.0").setting("user = \"root\";");
    let node = Node::at(bed.host(0)).setting("sshUser = \"root\";");
    let operator = bed.operator();
    let folder = operator.flake("/root/fleet", &Flake::new().node(node.profile(profile)));
    let deploy = |words: &[&str]| {
        let command = operator.command(["deploy"]).args(words.iter().copied());
        command.directory(folder.path()).run()
    };
    drop(deploy(&["apply", "--yes", "--trace", "/root/trace.json"]).success());
    let text = operator.read("/root/trace.json");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let spans: Vec<(&str, f64)> = document["traceEvents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["ph"] == "X")
        .map(|event| {
            (
                event["name"].as_str().unwrap(),
                event["dur"].as_f64().unwrap(),
            )
        })
        .collect();
    for part in [
        "nix eval",
        "nix build",
        "log in to root@",
        "read the node",
        "nix copy",
        "activate hold",
        "activate start",
        "log in afresh to root@",
        "copy:web1",
        "activate:web1.app",
        "wait for the confirmation",
    ] {
        let found = spans
            .iter()
            .any(|(name, took)| name.starts_with(part) && *took > 0.0);
        assert!(found, "{part} is not in {spans:?}");
    }
}

#[test]
fn a_trace_that_cannot_be_saved_is_told_before_anything_is_done() {
    let bed = Bed::new(0);
    let output = bed
        .operator()
        .command(["deploy", "plan", "--trace", "/nowhere/trace.json"])
        .run();
    assert!(output.code(1).stderr.contains("could not save the trace"));
}
