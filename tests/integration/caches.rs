//! `fastConnection`: whether a node fetches from its own caches what it can.

use crate::scene::{Scene, one};
use crate::testbed::{Bed, Host, HostSettings, Profile};

/// A pair of keys that nothing but this test knows.
const PUBLIC_KEY: &str = "bed:jDC+Y6VluuT5E3C7NWhpE6K6GBiKaku6ipLjytqJLPc=";
const SECRET_KEY: &str =
    "bed:LbEBnByVQ4iVeGRhhKy/ONTjFl8h1Zpvto9HMQ/cBkuMML5jpWW65PkTcLs1aGkToroYGIpqS7qKkuPK2oks9w==";
const NIX: &str = "nix --extra-experimental-features nix-command";

/// Builds what the flake says, and puts it into the cache of the host and nowhere else there, signed
/// with a key that the operator's own store has not signed with.
#[track_caller]
fn publish(scene: &Scene<'_>, bed: &Bed) -> String {
    let plan = scene.plan_json();
    let target = plan["profiles"][0]["target"]["path"].as_str().unwrap();
    let operator = bed.operator();
    operator.write("/root/secret.key", SECRET_KEY);
    let script = format!(
        "rm -rf cache; {NIX} copy --to 'file:///root/cache?secret-key=/root/secret.key' {target}; \
         tar -c cache | base64"
    );
    let packed = operator.shell(&script).success().stdout;
    let host = bed.host(0);
    host.write("/root/cache.tar", &packed);
    host.shell("base64 -d cache.tar | tar -x -C /var/lib")
        .success();
    target.to_owned()
}

/// Returns whether the path came from the cache: a copy from the operator has no signature.
#[track_caller]
fn was_fetched(host: &Host, path: &str) -> bool {
    let command = format!("{NIX} path-info --sigs {path}");
    host.shell(&command).success().stdout.contains("bed:")
}

#[test]
fn a_node_fetches_from_its_caches_unless_its_connection_is_fast() {
    let host = HostSettings::new("web1")
        .nix_conf("substituters = file:///var/lib/cache")
        .nix_conf(&format!("trusted-public-keys = {PUBLIC_KEY}"));
    let bed = Bed::builder().host(host).boot();
    let host = bed.host(0);
    for (version, setting, flags, fetches) in [
        ("1.0", "", &[][..], true),
        ("2.0", "fastConnection = true;", &[], false),
        (
            "3.0",
            "fastConnection = true;",
            &["--fast-connection", "false"],
            true,
        ),
        ("4.0", "", &["--fast-connection"], false),
    ] {
        let profile = Profile::new("app", version).setting(setting);
        let scene = Scene::new(&bed, "fleet", &one(host, profile));
        let target = publish(&scene, &bed);
        let words = [&["apply", "--yes"], flags].concat();
        drop(scene.deploy(&words).success());
        assert_eq!(was_fetched(host, &target), fetches, "{version}");
        assert_eq!(host.activations("app").last().unwrap(), version);
    }
}
