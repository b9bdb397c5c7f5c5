//! Which profiles a command is about: TARGETs, exclusions, and more than one flake.

use crate::scene::{Says, Scene, Seen, everywhere, fleet, seen};
use crate::testbed::{self, Bed, Flake, Node, Profile};

fn shared(name: &str) -> (&'static Bed, Scene<'static>) {
    let bed = testbed::shared();
    (
        bed,
        Scene::new(bed, name, &everywhere(bed, &Profile::new(name, "1.0"))),
    )
}

/// Returns on which hosts the profile was activated once.
fn activated(bed: &Bed, profile: &str) -> Vec<bool> {
    let once = |host| match seen(host, profile).activations.len() {
        0 => false,
        1 => true,
        _ => panic!("more than once: {:?}", seen(host, profile)),
    };
    bed.hosts().iter().map(once).collect()
}

#[test]
fn two_targets() {
    let (bed, scene) = shared("two-targets");
    drop(
        scene
            .deploy(&["apply", "--yes", ".#web1", ".#web3.two-targets"])
            .success(),
    );
    assert_eq!(activated(bed, "two-targets"), [true, false, true]);
}

#[test]
fn an_excluded_node_is_not_even_contacted() {
    let bed = Bed::new(2);
    let scene = Scene::new(
        &bed,
        "excluded",
        &everywhere(&bed, &Profile::new("excluded", "1.0")),
    );
    drop(
        scene
            .deploy(&["apply", "--yes", "--exclude", ".#web1"])
            .success(),
    );
    assert_eq!(activated(&bed, "excluded"), [false, true]);
    assert!(
        !bed.host(0).ssh_log().contains("Connection from"),
        "{}",
        bed.host(0).ssh_log()
    );
}

#[test]
fn an_excluded_profile() {
    let bed = testbed::shared();
    let node = Node::at(bed.host(0)).profile(Profile::new("taken", "1.0"));
    let node = node.profile(Profile::new("left-out", "1.0"));
    let scene = Scene::new(bed, "taken", &fleet().node(node));
    drop(
        scene
            .deploy(&["apply", "--yes", "--exclude", ".#web1.left-out"])
            .success(),
    );
    assert_eq!(seen(bed.host(0), "taken").activations, ["1.0"]);
    assert_eq!(seen(bed.host(0), "left-out"), Seen::nothing());
}

#[test]
fn two_flakes_in_one_plan() {
    let bed = testbed::shared();
    let flake = |index: usize, name: &str| {
        fleet().node(Node::at(bed.host(index)).profile(Profile::new(name, "1.0")))
    };
    let scene = Scene::new(bed, "first-flake", &flake(0, "first-flake"));
    let second = Scene::new(bed, "second-flake", &flake(1, "second-flake"));
    let words = [".", second.folder.path()];
    let output = scene
        .deploy(&[&["plan", "--out", "plan.json"], &words[..]].concat())
        .success();
    drop(output.says(&["flake . ", "flake /root/second-flake", "2 to create"]));
    let plan = scene
        .deploy(&["show", "--format", "json", "plan.json"])
        .success()
        .json();
    assert_eq!(
        (&plan["nodes"][0]["flake"], &plan["nodes"][1]["flake"]),
        (&0.into(), &1.into())
    );
    drop(scene.deploy(&["apply", "plan.json"]).success());
    assert_eq!(seen(bed.host(0), "first-flake").activations, ["1.0"]);
    assert_eq!(seen(bed.host(1), "second-flake").activations, ["1.0"]);
    drop(
        scene
            .deploy(&[&["plan", "--detailed-exitcode"], &words[..]].concat())
            .code(0),
    );
}

#[test]
fn a_node_of_two_flakes_is_refused() {
    let (bed, scene) = shared("twice-named");
    let other = Scene::new(
        bed,
        "twice-named-too",
        &everywhere(bed, &Profile::new("twice-named", "2.0")),
    );
    let words = [
        "apply",
        "--yes",
        ".#web1",
        &format!("{}#web1", other.folder.path()),
    ];
    drop(scene.deploy(&words).code(1).says(&[
        "node `web1` is in more than one of the flakes",
        "/root/twice-named-too",
    ]));
    assert_eq!(activated(bed, "twice-named"), [false, false, false]);
}

#[test]
fn a_dependency_that_is_not_selected_is_told_and_not_pulled_in() {
    let bed = testbed::shared();
    let node = |index: usize| Node::at(bed.host(index)).profile(Profile::new("unpulled", "1.0"));
    let flake: Flake = fleet()
        .node(node(0))
        .node(node(1).setting("dependsOn = [ \"web1\" ];"));
    let scene = Scene::new(bed, "unpulled", &flake);
    let output = scene.deploy(&["apply", "--yes", ".#web2"]).success();
    drop(output.says(&["depends on web1, which is not selected: nothing waits for it"]));
    assert_eq!(activated(bed, "unpulled"), [false, true, false]);
}

#[test]
fn a_git_repository_with_uncommitted_changes_is_told() {
    let (_, scene) = shared("repository");
    scene.folder.commit("first");
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["git+file:///root/repository?"])
            .never_says(&["uncommitted"]),
    );
    scene.folder.rewrite(&everywhere(
        testbed::shared(),
        &Profile::new("repository", "2.0"),
    ));
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["with uncommitted changes"]),
    );
}

#[test]
fn an_exclusion_that_leaves_nothing_out_is_refused() {
    let (bed, scene) = shared("slip");
    for slip in ["web1", "./#web1", "elsewhere#web1"] {
        let output = scene
            .deploy(&["apply", "--yes", "--exclude", slip])
            .code(64);
        drop(output.says(&["leaves nothing out", "'.#<node>'"]));
    }
    assert_eq!(activated(bed, "slip"), [false, false, false]);
}
