//! `deploy status`: what nodes are and what became of their last runs, without changing anything.

use crate::scene::{Says, Scene, everywhere, files_of, fleet, folder_of, one, path_of, seen_at};
use crate::testbed::{self, Bed, Node, Output, Profile};

/// Asks for the status, which must leave every host as it was.
#[track_caller]
fn status(bed: &Bed, scene: &Scene<'_>, words: &[&str]) -> Output {
    let before: Vec<_> = bed.hosts().iter().map(files_of).collect();
    let output = scene.deploy(&[&["status"], words].concat());
    for (host, before) in bed.hosts().iter().zip(&before) {
        let after = files_of(host);
        let changed: Vec<_> = before.symmetric_difference(&after).collect();
        assert_eq!(changed, [""; 0], "{output}");
    }
    output
}

#[test]
fn it_tells_what_is_there_while_the_system_does_not_evaluate() {
    let (bed, name) = (Bed::new(1), "app");
    let host = bed.host(0);
    let scene = Scene::new(&bed, "fleet", &one(host, Profile::new(name, "1.0")));
    drop(
        status(&bed, &scene, &[])
            .success()
            .says(&["no profile yet"]),
    );
    drop(scene.apply());
    let broken = Profile::new(name, "2.0").path("throw \"it does not evaluate\"");
    scene.folder.rewrite(&one(host, broken));
    drop(scene.deploy(&["plan"]).code(1));
    drop(status(&bed, &scene, &[]).success().says(&[
        "web1",
        "app generation 1 app-1.0 20",
        "deployed",
        "ago by root@operator",
    ]));
    let json = status(&bed, &scene, &["--format", "json"]).success().json();
    assert_eq!(json["format_version"], 1);
    let profile = &json["nodes"][0]["profiles"][0];
    assert_eq!(profile["current"]["generation"], 1);
    assert_eq!(profile["last_run"]["is"], "confirmed");
    assert_eq!(profile["generations"][0]["made_by"]["user"], "root");
    assert_eq!(profile["generations"][0]["content"], "activatable");
}

#[test]
fn a_live_run_is_told_from_one_that_died() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let slow = Profile::new("app", "1.0").script("until [ -e /root/go ]; do sleep 0.05; done");
    let scene = Scene::new(&bed, "fleet", &one(host, slow));
    let mut running = scene.command(&["apply", "--yes"]).spawn();
    running.wait_until("it activates", |_| host.activations("app") == ["1.0"]);
    let output = scene.deploy(&["status"]).success();
    drop(output.says(&["a run of root@operator is at work: activating"]));
    let plan = scene.deploy(&["plan"]).success();
    drop(plan.says(&["note", "a run of root@operator is at work: activating"]));
    host.crash();
    drop(running.kill());
    host.boot();
    let words = [
        "a run of root@operator was interrupted",
        "in phase 'activating'",
        "the next `deploy apply` takes it back first",
    ];
    drop(status(&bed, &scene, &[]).success().says(&words));
    drop(scene.deploy(&["plan"]).success().says(&words));
    // Nothing that only looks has taken it back.
    let after = seen_at(host, &path_of("app"), "app");
    assert_eq!(after.link.as_deref(), Some("app-1-link"));
}

#[test]
fn a_run_that_waits_for_its_confirmation_is_told_with_its_deadline() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let flake = one(host, Profile::new("app", "1.0")).setting("confirmTimeout = 50;");
    let scene = Scene::new(&bed, "fleet", &flake);
    let mut running = scene.apply_unconfirmed();
    let journal = format!("{}/journal.json", folder_of("app"));
    running.wait_until("it waits", |_| {
        host.exists(&journal) && host.read(&journal).contains("\"waiting\"")
    });
    let output = status(&bed, &scene, &[]).success();
    drop(output.says(&[
        "a run of root@operator waits for its confirmation, for",
        "s more",
    ]));
    drop(running.kill());
}

#[test]
fn a_run_that_went_back_is_told_with_the_reason() {
    let (bed, name) = (testbed::shared(), "status-back");
    let flake = |version, script| one(bed.host(0), Profile::new(name, version).script(script));
    let scene = Scene::new(bed, name, &flake("1.0", ""));
    drop(scene.apply());
    scene.folder.rewrite(&flake("2.0", "exit 7"));
    drop(scene.deploy(&["apply", "--yes"]).code(3));
    drop(scene.deploy(&["status"]).success().says(&[
        "generation 1 status-back-1.0",
        "a run of root@operator was rolled back",
        "the activation exited with status 7",
    ]));
}

#[test]
fn failed_units_that_are_kept_are_told() {
    let (bed, name) = (testbed::shared(), "status-degraded");
    let profile = Profile::new(name, "1.0")
        .build("mkdir $out/bin; install -m 555 /bin/true $out/bin/switch-to-configuration")
        .setting("onDegraded = \"keep\";")
        .script("exit 4");
    let scene = Scene::new(bed, name, &one(bed.host(0), profile));
    drop(scene.deploy(&["apply", "--yes"]).code(3));
    let words = [
        "generation 1 status-degraded-1.0",
        "some units failed to start, which stays, since onDegraded was keep",
    ];
    drop(scene.deploy(&["status"]).success().says(&words));
    let json = scene.deploy(&["status", "--format", "json"]).success();
    let json = json.json().to_string();
    assert!(json.contains("degraded"), "{json}");
}

#[test]
fn what_runs_instead_of_the_system_is_told() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let scene = Scene::new(&bed, "fleet", &one(host, Profile::new("system", "1.0")));
    drop(scene.apply());
    let path = host.resolve("/nix/var/nix/profiles/system").unwrap();
    let point = |path: &str| {
        let link = format!("ln -sfn {path} /run/current-system");
        host.shell(&link).success();
    };
    point(&path);
    let drift = "runs instead: something else activated it";
    drop(scene.deploy(&["status"]).success().never_says(&[drift]));
    let other = host
        .shell("echo other >other; nix-store --add other")
        .success();
    point(other.text());
    drop(scene.deploy(&["status"]).success().says(&["other", drift]));
}

#[test]
fn nodes_that_cannot_be_read_are_a_failure_only_where_all_are() {
    let bed = Bed::new(2);
    let scene = Scene::new(
        &bed,
        "fleet",
        &everywhere(&bed, &Profile::new("app", "1.0")),
    );
    bed.host(1).stop_sshd();
    drop(scene.deploy(&["status"]).success().says(&[
        "web2",
        "unreachable",
        "Connection refused",
        "no profile yet",
    ]));
    drop(scene.deploy(&["status", ".#web2"]).code(1));
}

#[test]
fn a_record_that_cannot_be_read_is_told() {
    let (bed, name) = (testbed::shared(), "status-corrupt");
    let host = bed.host(0);
    let node = Node::at(host).profile(Profile::new(name, "1.0"));
    let scene = Scene::new(bed, name, &fleet().node(node));
    drop(scene.apply());
    let journal = format!("{}/journal.json", folder_of(name));
    let kept = host.read(&journal);
    for (text, words) in [
        ("{\"format_ver", "EOF while parsing"),
        ("{\"format_version\":99}", "format version 99"),
    ] {
        host.write(&journal, text);
        drop(
            scene
                .deploy(&["status"])
                .success()
                .says(&["the record of its last run cannot be read", words]),
        );
    }
    host.write(&journal, &kept);
}
