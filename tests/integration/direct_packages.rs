//! Packages that a system names itself are told from those that it only needs.

use crate::scene::{Says, Scene, one};
use crate::testbed::{Bed, Profile};

/// A system whose environment names curl, which needs openssl.
fn system(version: &str) -> Profile {
    let path = format!(
        r#"
        let
          openssl = fixture.package {{ name = "openssl"; version = "3.0.{version}"; }};
          curl = fixture.shell "curl-8.{version}" {{ inherit openssl; }} "echo $openssl >$out";
          environment = fixture.shell "system-path" {{ inherit curl; }} "mkdir $out; ln -s $curl $out/curl";
        in fixture.shell "system-{version}" {{ inherit environment; }} ''
          mkdir $out
          ln -s $environment $out/sw
          printf '#!/bin/sh\n' >$out/deploy-rs-activate
          chmod +x $out/deploy-rs-activate
        ''"#
    );
    Profile::new("app", version).path(&path)
}

#[test]
fn what_a_system_names_itself_is_marked_in_the_plan() {
    let bed = Bed::new(1);
    let scene = Scene::new(&bed, "fleet", &one(bed.host(0), system("1")));
    drop(scene.apply());
    scene.folder.rewrite(&one(bed.host(0), system("2")));
    let marked = scene.plan_json();
    let packages = marked["profiles"][0]["closure"]["packages"].as_array();
    let direct = packages
        .unwrap()
        .iter()
        .filter(|package| package["direct"] == true);
    let direct: Vec<_> = direct.map(|package| &package["name"]).collect();
    assert_eq!(direct, ["curl"]);
    let text = scene.deploy(&["plan"]).success();
    drop(text.says(&[
        "curl * 8.1 -> 8.2",
        "openssl 3.0.1 -> 3.0.2",
        "* installed directly",
    ]));
}
