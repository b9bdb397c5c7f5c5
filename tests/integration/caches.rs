//! `fastConnection`: whether a node fetches from its own caches what it can.

use crate::scene::{Says, Scene, one, seen};
use crate::testbed::{Bed, BinaryCache, Flake, Host, HostSettings, Node, Profile};

fn boot(cache: &BinaryCache) -> Bed {
    let host = HostSettings::new("web1").user("alice");
    Bed::builder().host(host.nix_conf(&cache.nix_conf())).boot()
}

/// Builds what the flake says, and returns its path.
#[track_caller]
fn built(scene: &Scene<'_>) -> String {
    let plan = scene.plan_json();
    let target = plan["profiles"][0]["target"]["path"].as_str();
    target.unwrap().to_owned()
}

/// Returns whether the path came from the cache: a copy from the operator has no signature.
#[track_caller]
fn was_fetched(host: &Host, path: &str) -> bool {
    let nix = "nix --extra-experimental-features nix-command";
    let command = format!("{nix} path-info --sigs {path}");
    host.shell(&command).success().stdout.contains("bed:")
}

#[test]
fn a_node_fetches_from_its_caches_unless_its_connection_is_fast() {
    let cache = BinaryCache::new();
    let bed = boot(&cache);
    let (host, server) = (bed.host(0), cache.serve(bed.operator()));
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
        let target = built(&scene);
        cache.publish(bed.operator(), &[&target]);
        let before = server.fetched();
        let words = [&["apply", "--yes"], flags].concat();
        drop(scene.deploy(&words).success());
        assert_eq!(was_fetched(host, &target), fetches, "{version}");
        assert_eq!(server.fetched() > before, fetches, "{version}");
        assert_eq!(host.activations("app").last().unwrap(), version);
    }
}

#[test]
fn what_the_cache_does_not_have_is_copied() {
    let cache = BinaryCache::new();
    let bed = boot(&cache);
    let (host, operator) = (bed.host(0), bed.operator());
    let profile = Profile::new("app", "1.0").package("known", "1.0");
    let scene = Scene::new(&bed, "fleet", &one(host, profile));
    let target = built(&scene);
    let known = operator.read(&format!("{target}/packages"));
    cache.publish(operator, &[known.trim()]);
    let server = cache.serve(operator);
    drop(scene.apply());
    assert!(was_fetched(host, known.trim()));
    assert!(!was_fetched(host, &target));
    assert_eq!(server.fetched(), 1);
}

#[test]
fn a_cache_that_does_not_answer_holds_nothing_up() {
    let bed = boot(&BinaryCache::new());
    let host = bed.host(0);
    let scene = Scene::new(&bed, "fleet", &one(host, Profile::new("app", "1.0")));
    drop(scene.apply());
    assert_eq!(seen(host, "app").activations, ["1.0"]);
}

/// The node believes the cache's key, and not whoever logs in.
#[test]
fn a_login_that_the_store_does_not_trust_needs_the_cache() {
    let cache = BinaryCache::new();
    let bed = boot(&cache);
    let (host, operator) = (bed.host(0), bed.operator());
    let node = Node::at(host).profile(Profile::new("own", "1.0"));
    let flake = Flake::new().setting("sshUser = \"alice\"; user = \"alice\";");
    let scene = Scene::new(&bed, "fleet", &flake.node(node));
    let _server = cache.serve(operator);
    let refused = scene.deploy(&["apply", "--yes"]).code(1);
    drop(refused.says(&["add sshUser to its trusted-users, or sign the paths"]));
    let target = built(&scene);
    cache.publish(operator, &[&target]);
    // What a node did not find in a cache it does not look for again for a while.
    host.shell("rm -rf /root/.cache/nix/binary-cache*")
        .success();
    drop(scene.apply());
    assert!(was_fetched(host, &target));
    assert_eq!(host.activations("own"), ["1.0"]);
}
