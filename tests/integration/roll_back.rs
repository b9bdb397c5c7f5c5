//! `deploy rollback`: back to a generation that exists, whoever made it, and without evaluating the
//! system (demand B9).

use crate::scene::{Says, Scene, Seen, everywhere, fleet, one, path_of, seen};
use crate::testbed::{self, Bed, Host, Node, Profile};

fn host() -> &'static Host {
    testbed::shared().host(0)
}

/// Deploys these versions one after the other, after which the profile does not evaluate any more.
fn history(name: &str, versions: &[&str]) -> Scene<'static> {
    let flake = |profile| one(host(), profile);
    let first = flake(Profile::new(name, versions[0]));
    let scene = Scene::new(testbed::shared(), name, &first);
    for version in versions {
        let profile = Profile::new(name, version).package("lib", version);
        scene.folder.rewrite(&flake(profile));
        drop(scene.apply());
    }
    let broken = Profile::new(name, "9.0").path("throw \"it does not evaluate\"");
    scene.folder.rewrite(&flake(broken));
    scene
}

#[track_caller]
fn is_at(name: &str, current: u64, numbers: &[u64], last_activation: &str) {
    let after = seen(host(), name);
    assert_eq!(after.link, Some(format!("{name}-{current}-link")));
    assert_eq!(after.numbers(), numbers);
    let last = after.activations.last().map(String::as_str);
    assert_eq!(last, Some(last_activation));
}

#[test]
fn to_the_generation_before_and_further() {
    let name = "way-back";
    let scene = history(name, &["1.0", "2.0", "3.0"]);
    let output = scene.deploy(&["rollback", ".", "--yes"]).success();
    drop(output.says(&[
        "back to earlier generations",
        "roll back generation 3 -> 2",
        "lib 3.0 -> 2.0",
        "copy: nothing",
        "activated",
    ]));
    is_at(name, 2, &[1, 2, 3], "2.0");
    let node = format!(".#web1.{name}");
    let back_to = |number: &str| scene.deploy(&["rollback", &node, "--to", number, "--yes"]);
    drop(back_to("3").success().says(&["generation 2 -> 3"]));
    is_at(name, 3, &[1, 2, 3], "3.0");
    drop(back_to("1").success().says(&["generation 3 -> 1"]));
    is_at(name, 1, &[1, 2, 3], "1.0");
    drop(
        scene
            .deploy(&["rollback", ".", "--yes"])
            .code(1)
            .says(&["web1.way-back: there is no generation before 1; there are 1, 2, 3"]),
    );
}

#[test]
fn gaps_are_no_generations() {
    let name = "back-over-gap";
    let scene = history(name, &["1.0", "2.0", "3.0"]);
    let delete = ["nix-env", "-p", &path_of(name), "--delete-generations", "2"];
    host().run(delete).success();
    drop(scene.deploy(&["rollback", ".", "--yes"]).success());
    is_at(name, 1, &[1, 3], "1.0");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_changed() {
    let name = "no-way";
    let scene = history(name, &["1.0", "2.0"]);
    let before = seen(host(), name);
    let refused = |words: &[&str], code, said: &[&str]| {
        let argv = [&["rollback"], words, &["--yes"]].concat();
        drop(scene.deploy(&argv).code(code).says(said));
        assert_eq!(seen(host(), name), before);
    };
    refused(&[".", "--to", "7"], 1, &["no generation 7; there are 1, 2"]);
    refused(&[".", "--to", "2"], 1, &["it is at generation 2 already"]);
    refused(&[".", "--to", "x"], 64, &["invalid"]);
    drop(
        scene
            .deploy(&["rollback", "--yes"])
            .code(64)
            .says(&["TARGET"]),
    );
    let node = Node::at(host()).profile(Profile::new(name, "1.0"));
    let two = node.profile(Profile::new("never-deployed", "1.0"));
    scene.folder.rewrite(&fleet().node(two));
    refused(
        &[".", "--to", "1"],
        64,
        &["--to needs a TARGET with one profile", "web1.no-way"],
    );
    refused(
        &["."],
        1,
        &["never-deployed: there is no profile to go back from"],
    );
}

#[test]
fn generations_of_other_tools_are_gone_back_to() {
    let name = "foreign-back";
    // As nixos-rebuild and home-manager make them: with their own programs only.
    let make = |version: &str, program: &str| {
        let script = format!(
            "mkdir -p \"/root/{version}/$(dirname {program})\"; \
             printf '#!/bin/sh\\necho \"{version} $*\" >>/var/lib/activations/{name}\\n' >/root/{version}/{program}; \
             chmod +x /root/{version}/{program}; \
             mkdir -p /nix/var/nix/profiles/per-user/root; \
             nix-env -p {} --set \"$(nix-store --add /root/{version})\"",
            path_of(name)
        );
        host().shell(&script).success();
    };
    make("nixos", "bin/switch-to-configuration");
    make("home", "activate");
    make("nothing", "readme");
    let scene = history(name, &["4.0"]);
    is_at(name, 4, &[1, 2, 3, 4], "4.0");
    drop(
        scene
            .deploy(&["rollback", ".", "--yes"])
            .code(1)
            .says(&["generation 3 has no program that activates it"]),
    );
    let list = scene.deploy(&["rollback", ".", "--list"]).success();
    drop(list.says(&["nothing cannot be activated", "* 4"]));
    let back_to = |number: &str| scene.deploy(&["rollback", ".", "--to", number, "--yes"]);
    drop(back_to("2").success());
    is_at(name, 2, &[1, 2, 3, 4], "home ");
    drop(scene.deploy(&["rollback", ".", "--yes"]).success());
    is_at(name, 1, &[1, 2, 3, 4], "nixos switch");
}

#[test]
fn a_way_back_that_fails_ends_where_it_began() {
    let name = "back-fails";
    let flake = |version, script| one(host(), Profile::new(name, version).script(script));
    let breaks = "[ ! -e /root/back-fails ] || exit 5";
    let scene = Scene::new(testbed::shared(), name, &flake("1.0", breaks));
    drop(scene.apply());
    scene.folder.rewrite(&flake("2.0", ""));
    drop(scene.apply());
    host().write("/root/back-fails", "");
    drop(scene.deploy(&["rollback", ".", "--yes"]).code(3).says(&[
        "rolled back",
        "the activation exited with status 5",
        "back at generation 2, as before",
    ]));
    is_at(name, 2, &[1, 2], "2.0");
    host().run(["rm", "/root/back-fails"]).success();
    drop(scene.deploy(&["rollback", ".", "--yes"]).success());
    is_at(name, 1, &[1, 2], "1.0");
}

#[test]
fn a_way_back_that_cuts_the_host_off_ends_where_it_began() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let flake = |version, script| {
        one(host, Profile::new("app", version).script(script)).setting("confirmTimeout = 2;")
    };
    let cuts = "[ ! -e /root/cut ] || kill \"$(cat /run/sshd.pid)\"";
    let scene = Scene::new(&bed, "fleet", &flake("1.0", cuts));
    drop(scene.apply());
    scene.folder.rewrite(&flake("2.0", ""));
    drop(scene.apply());
    host.write("/root/cut", "");
    drop(
        scene
            .deploy(&["rollback", ".", "--yes"])
            .code(3)
            .says(&["rolled back", "no confirmation arrived within 2 s"]),
    );
    let after = seen(host, "app");
    assert_eq!(after.link.as_deref(), Some("app-2-link"));
    assert_eq!(after.numbers(), [1, 2]);
}

#[test]
fn the_list_tells_number_date_path_and_maker() {
    let name = "listed";
    let scene = history(name, &["1.0", "2.0"]);
    let output = scene.deploy(&["rollback", ".", "--list"]).success();
    drop(output.says(&[
        "web1",
        "listed",
        "1 20",
        "-listed-1.0",
        "* 2 20",
        "-listed-2.0 by root@operator",
    ]));
    is_at(name, 2, &[1, 2], "2.0");
}

#[test]
fn a_saved_way_back_is_applied_as_it_was_reviewed() {
    let name = "saved-back";
    let scene = history(name, &["1.0", "2.0", "3.0"]);
    drop(
        scene
            .deploy(&["rollback", ".", "--out", "back.json"])
            .success()
            .says(&["roll back generation 3 -> 2"]),
    );
    is_at(name, 3, &[1, 2, 3], "3.0");
    drop(scene.deploy(&["apply", "back.json"]).success());
    is_at(name, 2, &[1, 2, 3], "2.0");
    let switch = ["nix-env", "-p", &path_of(name), "--switch-generation", "1"];
    host().run(switch).success();
    drop(
        scene
            .deploy(&["apply", "back.json"])
            .code(4)
            .says(&["stale"]),
    );
}

#[test]
fn somebody_is_asked_and_several_nodes_go_back_at_once() {
    let bed = Bed::new(2);
    let scene = Scene::new(
        &bed,
        "fleet",
        &everywhere(&bed, &Profile::new("app", "1.0")),
    );
    for version in ["1.0", "2.0"] {
        let flake = everywhere(&bed, &Profile::new("app", version));
        scene.folder.rewrite(&flake);
        drop(scene.apply());
    }
    drop(
        scene
            .deploy(&["rollback", "."])
            .code(1)
            .says(&["no terminal"]),
    );
    let mut asked = scene
        .command(&["rollback", "."])
        .terminal()
        .interactive()
        .spawn();
    asked.wait_for("Apply this plan? [y/N]");
    asked.write("y\n");
    drop(asked.wait().success().says(&["2 profiles activated"]));
    for host in bed.hosts() {
        assert_eq!(seen(host, "app").link.as_deref(), Some("app-1-link"));
        assert_eq!(seen(host, "app").numbers(), [1, 2]);
    }
    // A node that cannot be reached is in the plan, and the others go.
    scene
        .folder
        .rewrite(&everywhere(&bed, &Profile::new("app", "2.0")));
    drop(scene.apply());
    bed.host(1).stop_sshd();
    drop(
        scene
            .deploy(&["rollback", ".", "--yes"])
            .code(3)
            .says(&["web2", "Connection refused"]),
    );
    assert_eq!(seen(bed.host(0), "app").link.as_deref(), Some("app-1-link"));
    assert_ne!(seen(bed.host(0), "app"), Seen::nothing());
}

#[test]
fn a_generation_whose_path_is_gone_is_refused() {
    let name = "path-gone";
    let scene = history(name, &["1.0", "2.0"]);
    let generation = format!("{}-1-link", path_of(name));
    let gone = format!("mv \"$(readlink {generation})\" /root/moved-away");
    host().shell(&gone).success();
    drop(
        scene
            .deploy(&["rollback", ".", "--yes"])
            .code(1)
            .says(&["the store path of generation 1 is gone from the node"]),
    );
    is_at(name, 2, &[1, 2], "2.0");
    let back = format!("mv /root/moved-away \"$(readlink {generation})\"");
    host().shell(&back).success();
}
