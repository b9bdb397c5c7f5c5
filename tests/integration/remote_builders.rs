//! Nix's remote builders: another machine builds for the operator's, and nodes get it from there.

use crate::scene::{Says, Scene, Seen, one, path_of, seen};
use crate::testbed::{Bed, Host, HostSettings, Profile, system};

fn boot() -> Bed {
    let named = |name| HostSettings::new(name);
    Bed::builder()
        .host(named("web1"))
        .host(named("builder"))
        .boot()
}

/// A profile that says where it was built.
fn app(version: &str) -> Profile {
    Profile::new("app", version).build("cat /proc/sys/kernel/hostname >$out/built-on")
}

/// The builder as a line of a `machines` file.
fn line(builder: &Host) -> String {
    format!("ssh://root@{} {}", builder.address(), system())
}

#[track_caller]
fn built_on(host: &Host) -> String {
    let text = host.read(&format!("{}/built-on", path_of("app")));
    text.trim().to_owned()
}

#[test]
fn nix_builds_where_it_is_told_to() {
    let bed = boot();
    let (web1, builder) = (bed.host(0), bed.host(1));
    let scene = Scene::new(&bed, "fleet", &one(web1, app("1.0")));
    drop(scene.apply());
    assert_eq!(built_on(web1), "operator");
    scene.folder.rewrite(&one(web1, app("2.0")));
    let line = line(builder);
    let nix = ["--", "--builders", &line, "--max-jobs", "0"];
    let flag = [&["apply", "--yes"], &nix[..]].concat();
    drop(scene.deploy(&flag).success());
    assert_eq!(built_on(web1), "builder");
    // As nix.conf has it, for whoever deploys from here, and for a plan that is built when it is applied.
    let (settings, machines) = ("/etc/nix/nix.conf", "/etc/nix/machines");
    bed.operator().append(settings, "\nmax-jobs = 0\n");
    bed.operator().write(machines, &line);
    scene.folder.rewrite(&one(web1, app("3.0")));
    drop(
        scene
            .deploy(&["plan", "--no-build", "--out", "plan.json"])
            .success(),
    );
    drop(scene.deploy(&["apply", "plan.json"]).success());
    assert_eq!(built_on(web1), "builder");
    assert_eq!(seen(web1, "app").activations, ["1.0", "2.0", "3.0"]);
}

#[test]
fn a_builder_that_cannot_be_reached_changes_nothing() {
    let bed = boot();
    let (web1, builder) = (bed.host(0), bed.host(1));
    builder.stop_sshd();
    let scene = Scene::new(&bed, "fleet", &one(web1, app("1.0")));
    let line = line(builder);
    let nix = [
        "apply",
        "--yes",
        "--",
        "--builders",
        &line,
        "--max-jobs",
        "0",
    ];
    let refused = scene.deploy(&nix).code(1);
    drop(refused.says(&["app-1.0", &builder.address(), "Connection refused"]));
    assert_eq!(seen(web1, "app"), Seen::nothing());
}
