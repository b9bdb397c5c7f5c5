//! Nodes that cannot be reached or used: the plan says so and goes on with the others, an apply
//! does the others, and nothing is changed where something is wrong.

use crate::scene::{Says, Scene, Seen, everywhere, fleet, one, seen};
use crate::testbed::{self, Bed, Flake, HostSettings, Node, Profile};

fn app() -> Profile {
    Profile::new("app", "1.0")
}

#[test]
fn a_node_that_cannot_be_reached_is_in_the_plan_and_the_others_are_applied() {
    let bed = Bed::new(2);
    bed.host(1).stop_sshd();
    let scene = Scene::new(&bed, "fleet", &everywhere(&bed, &app()));
    let words = [
        "web2",
        "unreachable",
        "Connection refused",
        "+ app create",
        "1 node unreachable",
    ];
    drop(scene.deploy(&["plan"]).code(0).says(&words));
    drop(scene.deploy(&["plan", "--detailed-exitcode"]).code(2));
    drop(scene.deploy(&["apply", "--yes"]).code(3).says(&[
        "web2",
        "Connection refused",
        "1 profile activated",
    ]));
    assert_eq!(seen(bed.host(0), "app").activations, ["1.0"]);
    assert_eq!(seen(bed.host(1), "app"), Seen::nothing());
    // Now that web1 is at its target, nothing can be changed any more.
    drop(
        scene
            .deploy(&["apply", "--yes"])
            .code(1)
            .says(&["web2", "Connection refused"]),
    );
    bed.host(1).start_sshd();
    drop(scene.apply());
    assert_eq!(seen(bed.host(1), "app").activations, ["1.0"]);
    assert_eq!(seen(bed.host(0), "app").activations, ["1.0"]);
}

#[test]
fn no_node_that_can_be_reached_is_a_failure() {
    let bed = Bed::new(2);
    bed.hosts().iter().for_each(|host| host.stop_sshd());
    let scene = Scene::new(&bed, "fleet", &everywhere(&bed, &app()));
    drop(
        scene
            .deploy(&["plan"])
            .code(1)
            .says(&["2 nodes unreachable", "Connection refused"]),
    );
    drop(
        scene
            .deploy(&["apply", "--yes"])
            .code(1)
            .says(&["2 nodes unreachable"]),
    );
}

#[test]
fn a_saved_plan_never_touches_a_node_that_it_did_not_see() {
    let bed = Bed::new(2);
    bed.host(1).stop_sshd();
    let scene = Scene::new(&bed, "fleet", &everywhere(&bed, &app()));
    drop(scene.save("plan.json"));
    bed.host(1).start_sshd();
    let output = scene.deploy(&["apply", "plan.json"]).code(3);
    drop(output.says(&["web2", "Connection refused", "1 profile activated"]));
    assert_eq!(seen(bed.host(1), "app"), Seen::nothing());
    assert_eq!(bed.host(1).logins(), 0);
    drop(scene.deploy(&["apply", "plan.json", ".#web1"]).code(0));
}

#[test]
fn a_node_lost_between_plan_and_apply_drops_out_alone() {
    let bed = Bed::new(2);
    let scene = Scene::new(&bed, "fleet", &everywhere(&bed, &app()));
    drop(scene.save("plan.json"));
    bed.host(0).stop_sshd();
    drop(scene.deploy(&["apply", "plan.json"]).code(3).says(&[
        "web1",
        "Connection refused",
        "nothing was activated on web1",
    ]));
    assert_eq!(seen(bed.host(0), "app"), Seen::nothing());
    assert_eq!(seen(bed.host(1), "app").activations, ["1.0"]);
    bed.host(0).start_sshd();
    // The plan still fits: web2 is at its target already.
    drop(scene.deploy(&["apply", "plan.json"]).success());
    assert_eq!(seen(bed.host(0), "app").activations, ["1.0"]);
    assert_eq!(seen(bed.host(1), "app").activations, ["1.0"]);
}

/// A fleet of two hosts of the shared bed; this is added to the first one's node.
fn with_options(profile: &str, setting: &str) -> Flake {
    let bed = testbed::shared();
    let node = |index| Node::at(bed.host(index)).profile(Profile::new(profile, "1.0"));
    fleet().node(node(0).setting(setting)).node(node(1))
}

/// Plans and applies; web1 is in the way, web2 is deployed.
#[track_caller]
fn first_is_left_out(name: &str, setting: &str, words: &[&str]) {
    let bed = testbed::shared();
    let scene = Scene::new(bed, name, &with_options(name, setting));
    let plan = scene
        .deploy(&["plan", "--format", "json"])
        .code(0)
        .says(words);
    let node = &plan.json()["nodes"][0];
    assert_eq!(node["observed"], "failed", "{plan}");
    drop(scene.deploy(&["apply", "--yes"]).code(3).says(words));
    assert_eq!(seen(bed.host(0), name), Seen::nothing());
    assert_eq!(seen(bed.host(1), name).activations, ["1.0"]);
}

#[test]
fn a_host_key_that_changed() {
    let (bed, name) = (testbed::shared(), "key-changed");
    let other_key = "ssh-keygen -qt ed25519 -N '' -f /tmp/key-changed; printf '%s %s' \"$0\" \"$(cat /tmp/key-changed.pub)\"";
    let known = bed
        .operator()
        .run(["sh", "-ec", other_key, &bed.host(0).address()])
        .success();
    bed.operator()
        .write("/root/known_hosts.changed", &known.stdout);
    let setting = "sshOpts = [ \"-o\" \"UserKnownHostsFile=/root/known_hosts.changed\" ];";
    first_is_left_out(
        name,
        setting,
        &["the host key changed", "Host key verification failed"],
    );
}

#[test]
fn a_host_key_that_is_not_known() {
    let setting = "sshOpts = [ \"-o\" \"UserKnownHostsFile=/dev/null\" ];";
    first_is_left_out("key-unknown", setting, &["the host key is not known"]);
}

#[test]
fn a_login_that_is_refused() {
    first_is_left_out(
        "refused",
        "sshUser = \"mallory\";",
        &["the login was refused", "mallory@", "Permission denied"],
    );
}

#[test]
fn a_name_that_does_not_resolve() {
    let bed = testbed::shared();
    let node = Node::new("lost", "no-such-host.invalid").profile(app());
    let scene = Scene::new(bed, "unresolved", &fleet().node(node));
    drop(
        scene
            .deploy(&["plan"])
            .code(1)
            .says(&["no-such-host.invalid", "unreachable"]),
    );
}

#[test]
fn an_ssh_option_that_ssh_does_not_know() {
    let name = "bad-option";
    let scene = Scene::new(
        testbed::shared(),
        name,
        &with_options(name, "sshOpts = [ \"-o\" \"NoSuchOption=1\" ];"),
    );
    drop(
        scene
            .deploy(&["plan"])
            .says(&["Bad configuration option: nosuchoption"]),
    );
    assert_eq!(seen(testbed::shared().host(0), name), Seen::nothing());
}

#[test]
fn a_node_without_nix() {
    let bed = Bed::builder()
        .host(HostSettings::new("bare").without_nix())
        .host(HostSettings::new("web1"))
        .boot();
    let scene = Scene::new(&bed, "fleet", &everywhere(&bed, &app()));
    let words = ["there is no Nix for root", "nix-store"];
    drop(scene.deploy(&["plan"]).code(0).says(&words));
    drop(scene.deploy(&["apply", "--yes"]).code(3).says(&words));
    assert_eq!(seen(bed.host(0), "app"), Seen::nothing());
    assert_eq!(seen(bed.host(1), "app").activations, ["1.0"]);
}

#[test]
fn a_disk_that_is_full_while_copying() {
    let bed = Bed::builder()
        .host(HostSettings::new("small").store_size(48))
        .host(HostSettings::new("web1"))
        .boot();
    let scene = Scene::new(&bed, "fleet", &everywhere(&bed, &app().padding(64)));
    let output = scene.deploy(&["apply", "--yes"]).code(3);
    drop(output.says(&[
        "copying failed",
        "No space left on device",
        "Free space on the node",
        "nothing was activated on small",
    ]));
    assert_eq!(seen(bed.host(0), "app"), Seen::nothing());
    assert_eq!(seen(bed.host(1), "app").activations, ["1.0"]);
    // The node is as usable as before, once what Nix left half copied is collected, as was said.
    drop(bed.host(0).shell("nix-collect-garbage").success());
    scene.folder.rewrite(&one(bed.host(0), app()));
    drop(scene.apply());
    assert_eq!(seen(bed.host(0), "app").activations, ["1.0"]);
}

#[test]
fn a_login_that_prints_text() {
    let bed = Bed::builder()
        .host(HostSettings::new("loud").append("/root/.bashrc", "echo welcome to loud\n"))
        .host(HostSettings::new("web1"))
        .boot();
    let scene = Scene::new(&bed, "fleet", &everywhere(&bed, &app()));
    let note = "note: the login prints text, which breaks copying";
    drop(
        scene
            .deploy(&["plan"])
            .code(0)
            .says(&[note, "+ app create generation 1"]),
    );
    let output = scene.deploy(&["apply", "--yes"]).code(3);
    drop(output.says(&[
        "copying failed",
        "A shell start-up file prints text on login",
        "nothing was activated on loud",
    ]));
    assert_eq!(seen(bed.host(0), "app"), Seen::nothing());
    assert_eq!(seen(bed.host(1), "app").activations, ["1.0"]);
}

#[test]
fn a_login_that_prints_text_to_standard_error_does_no_harm() {
    let bed = Bed::builder()
        .host(HostSettings::new("loud").append("/root/.bashrc", "echo welcome to loud >&2\n"))
        .boot();
    let scene = Scene::new(&bed, "fleet", &everywhere(&bed, &app()));
    drop(scene.apply());
    assert_eq!(seen(bed.host(0), "app").activations, ["1.0"]);
}

#[test]
fn a_store_that_takes_no_unsigned_paths_from_this_user() {
    let (bed, name) = (testbed::shared(), "unsigned");
    let node = Node::at(bed.host(1)).profile(Profile::new(name, "1.0"));
    let flake = Flake::new().setting("sshUser = \"bob\";").node(node);
    let scene = Scene::new(bed, name, &flake);
    let output = scene.deploy(&["apply", "--yes"]).code(1);
    drop(output.says(&[
        "lacks a valid signature",
        "add sshUser to its trusted-users",
        "nothing was activated on web2",
    ]));
    assert_eq!(bed.host(1).activations(name), Vec::<String>::new());
}

#[test]
fn a_user_that_the_node_does_not_have() {
    let (bed, name) = (testbed::shared(), "no-user");
    let profile = Profile::new(name, "1.0").setting("user = \"nosuchuser\";");
    let scene = Scene::new(bed, name, &one(bed.host(0), profile));
    drop(scene.deploy(&["plan"]).says(&["nosuchuser"]));
    let output = scene.deploy(&["apply", "--yes"]).code(1);
    drop(output.says(&["nosuchuser"]));
    assert_eq!(bed.host(0).activations(name), Vec::<String>::new());
}

#[test]
fn a_target_that_nothing_builds() {
    let (bed, name) = (testbed::shared(), "no-source");
    let path = "\"/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-nowhere\"";
    let scene = Scene::new(
        bed,
        name,
        &one(bed.host(0), Profile::new(name, "1.0").path(path)),
    );
    let words = [
        "-nowhere",
        "could not be built; waiting for it: web1.no-source",
    ];
    drop(scene.deploy(&["plan"]).code(1).says(&words));
    drop(scene.deploy(&["apply", "--yes"]).code(1).says(&words));
    assert_eq!(seen(bed.host(0), name), Seen::nothing());
}

#[test]
fn a_profile_without_an_activation() {
    let (bed, name) = (testbed::shared(), "inactive");
    let package = "fixture.package { name = \"inactive\"; version = \"1.0\"; }";
    let scene = Scene::new(
        bed,
        name,
        &one(bed.host(0), Profile::new(name, "1.0").path(package)),
    );
    let output = scene.deploy(&["apply", "--yes"]);
    assert!(output.exit == 1 || output.exit == 3, "{output}");
    drop(output.says(&["deploy-rs-activate"]));
    let after = seen(bed.host(0), name);
    assert_eq!((after.link, after.generations), (None, vec![]));
}
