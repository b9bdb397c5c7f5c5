//! The least that sudo has to allow: one agent that root has installed at a path of its own.

use crate::scene::{Says, Scene, agents, path_of, seen_at};
use crate::testbed::{self, Bed, Flake, Host, HostSettings, Node, Profile};

const INSTALLED: &str = "/run/current-system/sw/libexec/deploy/activate";

fn bed() -> Bed {
    let host = HostSettings::new("web1")
        .user("alice")
        .trusted_user("alice")
        .sudo(&format!("alice ALL=(root) NOPASSWD: {INSTALLED}"));
    Bed::builder().host(host).boot()
}

fn install(host: &Host, mode: &str) {
    let agent = format!("{}/{}/activate", agents(), testbed::system());
    let script =
        format!("mkdir -p \"$(dirname {INSTALLED})\" && install -m {mode} {agent} {INSTALLED}");
    host.shell(&script).success();
}

fn flake(host: &Host, version: &str, script: &str) -> Flake {
    let profile = Profile::new("app", version).script(script);
    let setting = "sshUser = \"alice\"; user = \"root\"; confirmTimeout = 10;";
    Flake::new()
        .setting(setting)
        .node(Node::at(host).profile(profile))
}

#[track_caller]
fn is_at(host: &Host, link: Option<&str>, activations: &[&str]) {
    let app = seen_at(host, &path_of("app"), "app");
    assert_eq!(app.link.as_deref(), link);
    assert_eq!(app.activations, activations);
}

#[test]
fn one_rule_is_enough_for_a_profile_of_root() {
    let bed = bed();
    let host = bed.host(0);
    install(host, "0755");
    let scene = Scene::new(&bed, "fleet", &flake(host, "1.0", ""));
    drop(scene.apply());
    is_at(host, Some("app-1-link"), &["1.0"]);
    scene.folder.rewrite(&flake(host, "2.0", "exit 1"));
    drop(
        scene
            .deploy(&["apply", "--yes"])
            .code(3)
            .says(&["rolled back"]),
    );
    is_at(host, Some("app-1-link"), &["1.0", "2.0", "1.0"]);
    drop(
        scene
            .deploy(&["rollback", "--list", ".#web1.app"])
            .success(),
    );
    // And it is no more than that.
    let denied = bed
        .operator()
        .ssh("alice", host)
        .args(["sudo", "-n", "id"])
        .run();
    assert_ne!(denied.exit, 0, "{denied}");
}

#[test]
fn an_agent_that_others_could_have_written_is_not_used() {
    let bed = bed();
    let host = bed.host(0);
    install(host, "0757");
    let scene = Scene::new(&bed, "fleet", &flake(host, "1.0", ""));
    // The one that was sent is not allowed by the rule.
    drop(scene.deploy(&["apply", "--yes"]).code(1).says(&["sudo"]));
    is_at(host, None, &[]);
}

/// Applies an activation that does this to the installed agent, as somebody whom sudo allows
/// everything.
#[track_caller]
fn is_done_without(script: &str) {
    let host = HostSettings::new("web1")
        .user("alice")
        .trusted_user("alice")
        .sudo("alice ALL=(root) NOPASSWD: ALL");
    let bed = Bed::builder().host(host).boot();
    let host = bed.host(0);
    install(host, "0755");
    let scene = Scene::new(&bed, "fleet", &flake(host, "1.0", script));
    drop(scene.apply());
    is_at(host, Some("app-1-link"), &["1.0"]);
}

#[test]
fn an_agent_that_an_activation_removes_is_done_without_where_sudo_allows_it() {
    is_done_without(&format!("rm {INSTALLED}"));
}

#[test]
fn an_agent_of_another_protocol_that_an_activation_brings_is_done_without() {
    let answer = r#"{"reply":"of another protocol"}"#;
    is_done_without(&format!(
        "rm {INSTALLED}; printf '#!/bin/sh\\necho '\\''{answer}'\\''\\n' >{INSTALLED}; chmod 755 {INSTALLED}"
    ));
}
