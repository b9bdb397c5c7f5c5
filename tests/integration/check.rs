//! `deploy check` finds what deploy-rs silently ignores, and all of it at once.

use serde_json::Value;

use crate::scene::{Says, Scene, fleet, path_of};
use crate::testbed::{Bed, Flake, Node, Profile};

const WRONG: &str = r#"
{
  outputs = { self }: {
    deploy = {
      sshUser = "root";
      confirmTimeout = 60;
      nodes.web1 = {
        hostname = "web1";
        magicRollback = false;
        dependsOn = [ "web2" "dp" ];
        profilesOrder = [ "sytem" ];
        profiles.system = {
          user = "root";
          sudo = "doas -u";
          magicRollbak = true;
          activationTimeout = "5 minutes";
          path = throw "this system does not evaluate";
        };
      };
      nodes.web2 = {
        dependsOn = [ "web1" ];
        magicRollback = false;
        profiles.system = { };
      };
    };
  };
}
"#;

const RIGHT: &str = r#"
{
  outputs = { self }: {
    deploy.nodes.web1 = {
      hostname = "web1";
      sshUser = "admin";
      profiles.system = { user = "root"; confirmTimeout = 60; path = throw "not looked at"; };
    };
  };
}
"#;

fn check(bed: &Bed, flake: &str, words: &[&str]) -> (i32, String) {
    let folder = bed.operator().flake("/root/fleet", &Flake::raw(flake));
    let command = bed.operator().command(["deploy", "check"]);
    let output = command
        .args(words.iter().copied())
        .directory(folder.path())
        .run();
    (output.exit, output.stdout)
}

#[test]
fn all_that_is_wrong_is_found_at_once_while_the_system_does_not_evaluate() {
    let bed = Bed::builder().boot();
    let (exit, text) = check(&bed, WRONG, &["--format", "json"]);
    assert_eq!(exit, 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    let findings = report["flakes"][0]["findings"].as_array().unwrap().iter();
    let found: Vec<_> = findings
        .map(|one| [&one["code"], &one["place"]].map(|text| text.as_str().unwrap().to_owned()))
        .collect();
    let node = "deploy.nodes.web1";
    let expected = [
        ("no_effect", "deploy.confirmTimeout".to_owned()),
        ("cycle", "deploy.nodes".to_owned()),
        ("unknown_reference", format!("{node}.dependsOn")),
        (
            "wrong_type",
            format!("{node}.profiles.system.activationTimeout"),
        ),
        (
            "unknown_option",
            format!("{node}.profiles.system.magicRollbak"),
        ),
        ("no_effect", format!("{node}.profiles.system.sudo")),
        ("unknown_reference", format!("{node}.profilesOrder")),
        ("missing_option", "deploy.nodes.web2".to_owned()),
        (
            "missing_option",
            "deploy.nodes.web2.profiles.system".to_owned(),
        ),
    ];
    let expected = expected.map(|(code, place)| [code.to_owned(), place]);
    assert_eq!(found, expected);
    let (_, text) = check(&bed, WRONG, &[]);
    assert!(text.contains("did you mean `magicRollback`?"), "{text}");
    assert!(text.contains("7 errors, 2 warnings"), "{text}");
}

#[test]
fn what_is_well_formed_passes_and_paths_are_looked_at_when_asked() {
    let bed = Bed::builder().boot();
    let (exit, text) = check(&bed, RIGHT, &["--strict"]);
    assert_eq!(
        (exit, text.contains("0 errors, 0 warnings")),
        (0, true),
        "{text}"
    );
    assert_eq!(check(&bed, RIGHT, &["--paths"]).0, 1);
}

/// What deploy-rs finds out when it has to go back.
#[test]
fn a_generation_that_nothing_activates_is_found_on_its_node() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let node = Node::at(host).profile(Profile::new("app", "1.0"));
    let gone = Node::new("web9", "127.0.9.9").profile(Profile::new("app", "1.0"));
    let scene = Scene::new(&bed, "fleet", &fleet().node(node).node(gone));
    let set = format!(
        "echo bare > /root/bare; nix-env -p {} --set \"$(nix-store --add /root/bare)\"",
        path_of("app")
    );
    host.shell(&set).success();
    let check = ["check", "--nodes"];
    let without = [&check[..], &["--exclude", ".#web9"]].concat();
    let words = [
        "warning[no_way_back] web1.app: generation 1 has no activation",
        "flake .: 0 errors, 1 warning",
    ];
    drop(scene.deploy(&without).success().says(&words));
    drop(scene.deploy(&["apply", "--yes", ".#web1"]).success());
    drop(scene.deploy(&check).success().says(&[
        "warning[previous_generation] web1.app cannot go back to the generation before: generation 1 has no program",
        "warning[not_read] web9 could not be read",
        "flake .: 0 errors, 2 warnings",
    ]));
    drop(scene.deploy(&[&check[..], &["--strict"]].concat()).code(1));
    drop(scene.deploy(&["check", "--strict"]).success());
}
