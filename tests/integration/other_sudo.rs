//! Commands other than sudo that take a user and a command.

use crate::scene::{Says, Scene, seen};
use crate::testbed::{Bed, Flake, HostSettings, Node, Profile};

/// A host where alice may become root with doas only.
fn bed() -> Bed {
    let rule = "permit nopass alice as root\n";
    let host = HostSettings::new("web1")
        .user("alice")
        .trusted_user("alice");
    Bed::builder()
        .host(host.file("/etc/doas.conf", rule))
        .boot()
}

fn flake(bed: &Bed, version: &str, setting: &str) -> Flake {
    let node = Node::at(bed.host(0)).profile(Profile::new("app", version));
    let common = "sshUser = \"alice\"; user = \"root\"; confirmTimeout = 20;";
    Flake::new()
        .setting(&format!("{common} {setting}"))
        .node(node)
}

#[test]
fn doas_becomes_the_profile_s_user() {
    let bed = bed();
    let host = bed.host(0);
    let scene = Scene::new(&bed, "fleet", &flake(&bed, "1.0", ""));
    drop(scene.deploy(&["apply", "--yes"]).code(1).says(&["sudo"]));
    scene
        .folder
        .rewrite(&flake(&bed, "1.0", "sudo = \"doas -u\";"));
    drop(scene.apply());
    // The flag wins, and its words are split as a shell would.
    scene
        .folder
        .rewrite(&flake(&bed, "2.0", "sudo = \"false\";"));
    drop(scene.deploy(&["apply", "--yes"]).code(1));
    let flags = ["apply", "--yes", "--sudo", "env 'A=b c' doas -n -u"];
    drop(scene.deploy(&flags).success());
    drop(
        scene
            .deploy(&["rollback", "--yes", "--sudo", "doas -u", ".#web1.app"])
            .success(),
    );
    assert_eq!(seen(host, "app").activations, ["1.0", "2.0", "1.0"]);
    let open = scene.deploy(&["plan", "--sudo", "doas 'u"]).code(1);
    drop(open.says(&["sudo", "doas 'u"]));
}
