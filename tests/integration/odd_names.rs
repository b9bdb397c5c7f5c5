//! Names that mean something to Nix, to shells or to TARGETs really deploy.

use crate::scene::{Says, Scene, fleet, seen};
use crate::testbed::{self, Node, Profile};

const NODE: &str = "it's \"web\" ${HOME}.example $(id) \\n";
const PROFILES: [&str; 5] = [
    "odd.dotted",
    "odd spaced",
    "odd \"quoted\" 'name'",
    "odd ${builtins.abort}",
    "odd $(touch pwned); `id` \\ *",
];

/// A profile whose name no derivation may have.
fn odd(index: usize, version: &str) -> Profile {
    let mut derivation = String::from(
        "fixture.profile { packages = [ ]; build = \"\"; padding = 0; script = \"\"; ",
    );
    derivation.push_str(&format!(
        "name = \"odd-{index}\"; version = \"{version}\"; }}"
    ));
    Profile::new(PROFILES[index], version).path(&derivation)
}

fn odd_fleet(version: &str) -> crate::testbed::Flake {
    let host = testbed::shared().host(1);
    let profiles = (0..PROFILES.len()).map(|index| odd(index, version));
    fleet().node(profiles.fold(Node::new(NODE, &host.address()), Node::profile))
}

#[test]
fn odd_names_deploy() {
    let (bed, host) = (testbed::shared(), testbed::shared().host(1));
    let scene = Scene::new(bed, "odd names ${x} 'q'", &odd_fleet("1.0"));
    drop(scene.apply().says(&["5 profiles activated"]));
    for (index, name) in PROFILES.iter().enumerate() {
        let profile = seen(host, name);
        assert_eq!(profile.link, Some(format!("{name}-1-link")));
        assert_eq!(host.activations(&format!("odd-{index}")), ["1.0"], "{name}");
    }
    let made = host.run(["find", "/root", "/nix/var", "-name", "pwned"]);
    assert_eq!(made.success().text(), "");
    assert!(
        !bed.operator()
            .exists(&format!("{}/pwned", scene.folder.path()))
    );
}

#[test]
fn odd_names_are_selected_and_planned() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "odd-targets", &odd_fleet("2.0"));
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    for name in PROFILES {
        let target = format!(".#{}.{}", quoted(NODE), quoted(name));
        let plan = scene
            .deploy(&["plan", "--format", "json", &target])
            .success()
            .json();
        assert_eq!(plan["profiles"].as_array().map(Vec::len), Some(1), "{plan}");
        assert_eq!(plan["profiles"][0]["profile"], name);
        assert_eq!(plan["profiles"][0]["node"], NODE);
    }
}

#[test]
fn a_name_with_dots_needs_quotes() {
    let scene = Scene::new(testbed::shared(), "odd-dots", &odd_fleet("3.0"));
    let output = scene.deploy(&["plan", ".#web.example.odd"]).code(64);
    drop(output.says(&["more than a node and a profile", "put in quotes"]));
}
