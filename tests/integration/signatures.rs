//! `LOCAL_KEY` and `--checksigs`: what is copied is signed, and nodes take it from anybody.

use crate::scene::{Says, Scene, fleet};
use crate::testbed::{Bed, HostSettings, Node, Profile};

/// A pair of keys that nothing but these tests knows.
const PUBLIC_KEY: &str = "bed:jDC+Y6VluuT5E3C7NWhpE6K6GBiKaku6ipLjytqJLPc=";
const SECRET_KEY: &str =
    "bed:LbEBnByVQ4iVeGRhhKy/ONTjFl8h1Zpvto9HMQ/cBkuMML5jpWW65PkTcLs1aGkToroYGIpqS7qKkuPK2oks9w==";
const KEY_FILE: &str = "/root/secret.key";

fn scene(bed: &Bed) -> Scene<'_> {
    bed.operator().write(KEY_FILE, SECRET_KEY);
    let node = Node::at(bed.host(0)).profile(Profile::new("app", "1.0"));
    let owned = node.setting("sshUser = \"alice\"; user = \"alice\";");
    Scene::new(bed, "fleet", &fleet().node(owned))
}

#[test]
fn a_login_that_the_store_does_not_trust_brings_what_is_signed() {
    let host = HostSettings::new("web1").user("alice");
    let host = host.nix_conf(&format!("trusted-public-keys = {PUBLIC_KEY}"));
    let bed = Bed::builder().host(host).boot();
    let scene = scene(&bed);
    let unsigned = scene.deploy(&["apply", "--yes"]).code(1);
    drop(unsigned.says(&["add sshUser to its trusted-users", "sign the paths"]));
    let signed = scene.command(&["-s", "--checksigs"]);
    drop(signed.env("LOCAL_KEY", KEY_FILE).run().success());
}

/// Derivations need no signature, but what they refer to may have been built.
#[test]
fn what_a_node_builds_may_need_what_was_built_and_signed_here() {
    let host = HostSettings::new("web1").user("alice");
    let host = host.nix_conf(&format!("trusted-public-keys = {PUBLIC_KEY}"));
    let bed = Bed::builder().host(host).boot();
    let operator = bed.operator();
    operator.write(KEY_FILE, SECRET_KEY);
    let made = operator.shell(
        "nix-build --no-out-link --expr 'derivation { name = \"made\"; system = builtins.currentSystem; \
         builder = \"/bin/sh\"; args = [ \"-c\" \"echo made >$out\" ]; }'",
    );
    let made = made.success().text().to_owned();
    let made = format!("builtins.appendContext \"{made}\" {{ \"{made}\" = {{ path = true; }}; }}");
    let activation = "mkdir $out; cat $made; printf '#!/bin/sh\\n' >$out/deploy-rs-activate; \
                      chmod +x $out/deploy-rs-activate";
    let path = format!("fixture.shell \"app-1.0\" {{ made = {made}; }} ''{activation}''");
    let profile = Profile::new("app", "1.0").path(&path);
    let node = Node::at(bed.host(0)).profile(profile);
    let owned = node.setting("sshUser = \"alice\"; user = \"alice\"; remoteBuild = true;");
    let scene = Scene::new(&bed, "fleet", &fleet().node(owned));
    let unsigned = scene.deploy(&["apply", "--yes"]).code(1);
    drop(unsigned.says(&["add sshUser to its trusted-users", "sign the paths"]));
    let signed = scene.command(&["apply", "--yes", "--checksigs"]);
    drop(signed.env("LOCAL_KEY", KEY_FILE).run().success());
}

#[test]
fn without_the_key_nothing_is_copied() {
    let host = HostSettings::new("web1")
        .user("alice")
        .trusted_user("alice");
    let bed = Bed::builder().host(host).boot();
    let scene = scene(&bed);
    let lost = scene
        .command(&["apply", "--yes"])
        .env("LOCAL_KEY", "/root/no.key");
    drop(lost.run().code(1).says(&["signing failed", "/root/no.key"]));
    drop(
        scene
            .command(&["apply", "--yes", "-c"])
            .env("LOCAL_KEY", KEY_FILE)
            .run()
            .success(),
    );
}
