//! How files of profiles differ, beside a plan and never in one.

use crate::scene::{Says, Scene, everywhere, fleet, one};
use crate::testbed::{Bed, Flake, Host, HostSettings, Node, Profile};

/// A profile with files under etc, which this script makes there.
fn profile(version: &str, script: &str) -> Profile {
    let build = format!("mkdir -p $out/etc; cd $out/etc\n{script}\n");
    Profile::new("app", version).build(&build)
}

/// What is said of the second version beside the first.
const TOLD: [&str; 5] = [
    "etc/systemd/system/a.service changed on web1.app, web2.app",
    "-ExecStart=/bin/old-word",
    "+ExecStart=/bin/new-word",
    "etc/added added on web1.app, web2.app",
    "etc/gone removed on web1.app, web2.app",
];

#[test]
fn texts_are_shown_and_in_no_plan() {
    const BEFORE: &str = "mkdir -p $out/units $out/other; printf '[Service]\\nExecStart=/bin/old-word\\n' >$out/units/a.service\n\
        mkdir -p systemd; ln -s $out/units systemd/system; ln -s $out/other other; echo same >same; echo was >gone";
    let after =
        BEFORE.replace("old-word", "new-word") + "; rm gone; echo is >added; echo $out >path";
    let before = format!("{BEFORE}; echo $out >path");
    let bed = Bed::new(2);
    let scene = Scene::new(&bed, "fleet", &everywhere(&bed, &profile("1.0", &before)));
    drop(scene.apply());
    drop(Scene::new(
        &bed,
        "base",
        &everywhere(&bed, &profile("1.0", &before)),
    ));
    scene
        .folder
        .rewrite(&everywhere(&bed, &profile("2.0", &after)));
    let words = ["plan", "--diff", "files", "--out", "plan.json"];
    drop(scene.deploy(&words).success().says(&TOLD));
    let saved = scene
        .operator_command("cat", &["plan.json"])
        .run()
        .success();
    assert!(
        !saved.text().contains("new-word"),
        "a plan holds no text of files"
    );
    let base = ["plan", "--diff", "files", "--base", "path:/root/base"];
    drop(scene.deploy(&base).success().says(&TOLD));
    let markdown = ["plan", "--diff", "files", "--format", "markdown"];
    drop(
        scene
            .deploy(&markdown)
            .success()
            .says(&["```diff", "-ExecStart=/bin/old-word"]),
    );
    for refused in [
        &["plan", "--diff", "files", "--format", "json"][..],
        &["plan", "--diff", "files", "--observed", "plan.json"],
        &["apply", "--diff", "files", "plan.json"],
    ] {
        drop(scene.deploy(refused).code(64));
    }
    drop(
        scene
            .deploy(&["apply", "--yes", "--diff", "files"])
            .success()
            .says(&TOLD),
    );
    let back = ["rollback", "--yes", "--diff", "files", ".#web1"];
    drop(
        scene
            .deploy(&back)
            .success()
            .says(&["+ExecStart=/bin/old-word"]),
    );
}

/// What is odd about a profile: each line is one thing, of which the plan has something to say.
const ODD: &str = "echo 1 >unreadable; echo 1 >vanishing; printf 'a\\000b' >binary; printf '\\377' >latin\n\
    head -c 100000 /dev/zero | tr '\\000' a >large; echo 1 >tls.key; echo password=hunter1 >settings\n\
    printf '\\033]0;title\\007' >escapes; ln -s /root/outside outside; ln -s $out/etc circle; ln -s self self\n\
    ln -s /etc folder; touch \"$(printf 'new\\nline')\" \"$(printf 'n\\377')\"; mkdir locked; echo 1 >locked/x";

const TOLD_OF_ODD: [&str; 14] = [
    "etc/unreadable changed on odd.app: it must not be read",
    "etc/vanishing changed on other.app: it was gone before it could be read",
    "etc/binary changed on odd.app, other.app, plain.app: it is no text",
    "etc/latin changed on odd.app, other.app, plain.app: it is no text",
    "etc/large changed on odd.app, other.app, plain.app: it is larger than 64 KiB",
    "etc/tls.key changed on odd.app, other.app, plain.app: it is named like a secret",
    "etc/settings changed on odd.app, other.app, plain.app: it seems to hold a secret",
    "it links to /root/elsewhere, and did to /root/outside",
    "odd.app, other.app, plain.app: could not be looked at: etc/circle: its links lead in a circle",
    "etc: a name with control characters",
    "etc/n\u{fffd}: its name is no text",
    "odd.app: could not be looked at: etc/locked: it must not be read",
    "-\\x1b]0;title",
    "etc/vanishing changed on odd.app, plain.app",
];

#[test]
fn what_cannot_be_seen_is_told_and_spoils_no_other_node() {
    let alice = HostSettings::new("odd").user("alice").trusted_user("alice");
    let bed = Bed::builder()
        .host(alice.sudo("alice ALL=(ALL) NOPASSWD: ALL"))
        .host(HostSettings::new("other"))
        .host(HostSettings::new("plain"))
        .boot();
    let flake = |profile: &Profile| {
        let node = |host: &Host| {
            let user = if std::ptr::eq(host, bed.host(0)) {
                "alice"
            } else {
                "root"
            };
            Node::at(host)
                .setting(&format!("sshUser = \"{user}\";"))
                .profile(profile.clone())
        };
        bed.hosts().iter().map(node).fold(fleet(), Flake::node)
    };
    let scene = Scene::new(&bed, "fleet", &flake(&profile("1.0", ODD)));
    drop(scene.apply());
    let after = ODD
        .replace("echo 1", "echo 2")
        .replace("hunter1", "hunter2")
        .replace("a\\000b", "a\\000c");
    let after = after
        .replace("/root/outside", "/root/elsewhere")
        .replace("title", "other")
        .replace("tr '\\000' a", "tr '\\000' b");
    scene.folder.rewrite(&flake(&profile(
        "2.0",
        &after.replace("\\377' >latin", "\\376' >latin"),
    )));
    bed.operator().write("/root/outside", "never to be shown\n");
    for host in [bed.host(0), bed.host(1)] {
        host.shell("echo 'never to be shown' >/root/outside; chmod 755 /root")
            .success();
    }
    let lock =
        "cd /nix/var/nix/profiles/per-user/root/app/etc; chmod 600 unreadable; chmod 700 locked";
    bed.host(0).shell(lock).success();
    // A file that goes between the list of files and its reading: reading it takes it away.
    let vanish = "file=$(readlink -f /nix/var/nix/profiles/per-user/root/app/etc/vanishing); cp /usr/bin/head /run/head\n\
        printf '#!/bin/sh\\ncase \"$*\" in */vanishing) rm -f %s ;; esac\\nexec /run/head \"$@\"\\n' $file >/run/wrapper\n\
        chmod 755 /run/wrapper; mount --bind /run/wrapper /usr/bin/head";
    bed.host(1).shell(vanish).success();
    let output = scene.deploy(&["plan", "--diff", "files"]).success();
    let output = output.says(&TOLD_OF_ODD);
    drop(output.never_says(&[
        "etc/locked/x added",
        "never to be shown",
        "hunter",
        "\u{1b}]",
    ]));
}

/// What a profile had is gone from its node: it was collected by hand, or its store is broken.
#[test]
fn a_generation_that_is_gone() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let scene = Scene::new(&bed, "fleet", &one(host, profile("1.0", "echo 1 >a")));
    drop(scene.apply());
    scene
        .folder
        .rewrite(&one(host, profile("2.0", "echo 2 >a")));
    host.shell("rm -rf \"$(readlink -f /nix/var/nix/profiles/per-user/root/app)\"")
        .success();
    let output = scene.deploy(&["plan", "--diff", "files"]).success();
    drop(output.says(&["could not be looked at", "is not there to be compared"]));
}
