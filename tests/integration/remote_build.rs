//! `remoteBuild`: the node builds what it gets, and no other store has any of it (demand 20).

use crate::scene::{Says, Scene, Seen, fleet, one, seen};
use crate::testbed::{Bed, Flake, Host, HostSettings, Machine, Node, Profile};

const REMOTE: &str = "remoteBuild = true;";

/// A profile that needs one package when it runs, and one only when it is built.
fn app(version: &str) -> Profile {
    let tool = format!("fixture.shell \"tool-{version}\" {{ }} \"echo tool >\\$out\"");
    let hello = format!("fixture.shell \"hello-{version}\" {{ }} \"echo hello >\\$out\"");
    let activation = format!("echo {version} >>/var/lib/activations/app");
    let build = format!(
        "cat $tool; mkdir $out; echo $hello >$out/packages; \
         printf '%s\\n' '#!/bin/sh' '{activation}' >$out/deploy-rs-activate; chmod +x $out/deploy-rs-activate"
    );
    let path = format!(
        "fixture.shell \"app-{version}\" {{ tool = {tool}; hello = {hello}; }} ''{build}''"
    );
    Profile::new("app", version).path(&path).setting(REMOTE)
}

/// Returns what was built of a version, and is valid in this machine's store.
#[track_caller]
fn built(machine: &Machine, version: &str) -> Vec<String> {
    let script = format!(
        "for path in /nix/store/*-{version}; do \
         if nix-store --check-validity \"$path\" 2>/dev/null; then echo \"${{path#*-}}\"; fi; done"
    );
    let output = machine.shell(&script).success();
    let mut names: Vec<String> = output.stdout.lines().map(str::to_owned).collect();
    names.sort();
    names
}

#[track_caller]
fn is_nowhere_but_on(host: &Host, bed: &Bed, version: &str) {
    let names = ["app", "hello", "tool"].map(|name| format!("{name}-{version}"));
    assert_eq!(built(host, version), names);
    assert_eq!(built(bed.operator(), version), [] as [&str; 0]);
}

#[test]
fn what_a_node_builds_enters_no_other_store() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let scene = Scene::new(&bed, "fleet", &one(host, app("1.0")));
    // A plan builds nothing anywhere, and says what it does not know.
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["built on the node", "known only then: app"]),
    );
    assert_eq!(built(host, "1.0"), [] as [&str; 0]);
    let plan = scene.plan_json();
    let step = &plan["steps"][0];
    assert_eq!(
        (&step["kind"], &step["node"]),
        (&"build".into(), &"web1".into())
    );
    let id = step["id"].as_str().unwrap();
    assert!(id.ends_with("-app-1.0.drv@web1"), "{id}");
    assert!(plan["profiles"][0]["closure"].is_null(), "{plan:#}");
    drop(scene.apply().says(&["web1", "built app-1.0", "activated"]));
    is_nowhere_but_on(host, &bed, "1.0");
    scene.folder.rewrite(&one(host, app("2.0")));
    drop(scene.apply());
    is_nowhere_but_on(host, &bed, "2.0");
    assert_eq!(seen(host, "app").activations, ["1.0", "2.0"]);
    // What it has built already it also tells, and does not build again.
    scene.folder.rewrite(&one(host, app("1.0")));
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .says(&["hello", "2.0 -> 1.0"])
            .never_says(&["known only then"]),
    );
    drop(scene.apply().says(&["built before app-1.0"]));
    is_nowhere_but_on(host, &bed, "1.0");
    // Nothing is kept for the run when it has ended.
    let kept = host
        .shell("ls -A /root/.local/state/deploy/roots")
        .success();
    assert_eq!(kept.text(), "");
}

#[test]
fn a_build_that_fails_on_its_node_stops_all_unless_they_may_go_on() {
    let bed = Bed::new(2);
    let broken = Profile::new("app", "1.0")
        .build("echo step 1; echo no such header >&2; exit 7")
        .setting(REMOTE);
    let flake = fleet()
        .node(Node::at(bed.host(0)).profile(broken))
        .node(Node::at(bed.host(1)).profile(Profile::new("app", "1.0")));
    let scene = Scene::new(&bed, "fleet", &flake);
    let words = [
        "app-1.0 on web1",
        "the build on the node failed; nothing was changed there",
        "step 1",
        "no such header",
    ];
    drop(scene.deploy(&["apply", "--yes"]).code(1).says(&words));
    assert_eq!(seen(bed.host(1), "app"), Seen::nothing());
    let going_on = scene.deploy(&["apply", "--yes", "--keep-going"]).code(3);
    drop(going_on.says(&words).says(&["1 profile activated"]));
    assert_eq!(seen(bed.host(0), "app"), Seen::nothing());
    assert_eq!(seen(bed.host(1), "app").activations, ["1.0"]);
    assert_eq!(built(bed.operator(), "1.0"), ["app-1.0"], "web2's own");
}

/// As between versions of Nix that do not understand each other.
#[test]
fn a_node_whose_daemon_does_not_answer_gets_its_derivations_one_by_one() {
    let first_on_path = "PATH=/root/bin:$PATH\n";
    let settings = HostSettings::new("web1").append("/root/.bashrc", first_on_path);
    let bed = Bed::builder().host(settings).boot();
    let host = bed.host(0);
    let broken = "#!/bin/sh\necho not today >&2\nexit 1\n";
    host.write("/root/bin/nix-daemon", broken);
    host.run(["chmod", "+x", "/root/bin/nix-daemon"]).success();
    let scene = Scene::new(&bed, "fleet", &one(host, app("1.0")));
    drop(scene.apply());
    is_nowhere_but_on(host, &bed, "1.0");
    let log = "cat .local/state/deploy/runs/*/build*web1.log";
    let log = bed.operator().shell(log).success().stdout;
    assert!(log.contains("once more, path by path"), "{log}");
}

/// A profile whose build says on its node when it begins, and takes its time.
fn slow(name: &str) -> Profile {
    Profile::new(name, "1.0")
        .build("echo begun >>/tmp/builds; sleep 3")
        .setting(REMOTE)
}

#[test]
fn a_build_goes_on_over_a_new_connection() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let scene = Scene::new(&bed, "fleet", &one(host, slow("app")));
    let running = scene.command(&["apply", "--yes"]).spawn();
    host.comes_to("the build", "[ -e /tmp/builds ]");
    host.run(["pkill", "-f", "^sshd(-session)?: root"])
        .success();
    let words = ["building over a new connection", "1 profile activated"];
    drop(running.wait().success().says(&words));
    assert_eq!(seen(host, "app").activations, ["1.0"]);
    assert_eq!(built(bed.operator(), "1.0"), [] as [&str; 0]);
}

#[test]
fn a_build_that_is_interrupted_is_not_waited_for() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let scene = Scene::new(&bed, "fleet", &one(host, slow("app")));
    let mut running = scene.command(&["apply", "--yes"]).spawn();
    host.comes_to("the build", "[ -e /tmp/builds ]");
    running.interrupt();
    let words = ["app-1.0 on web1", "the node may go on building"];
    drop(running.wait().code(130).says(&words));
    assert_eq!(seen(host, "app"), Seen::nothing());
}

#[test]
fn a_saved_plan_keeps_its_derivations_and_makes_them_again() {
    let bed = Bed::new(1);
    let (host, operator) = (bed.host(0), bed.operator());
    let scene = Scene::new(&bed, "fleet", &one(host, app("1.0")));
    drop(scene.save("/root/plan.json"));
    operator.shell("nix-store --gc").success();
    // The tree is not needed for what is here.
    operator.shell("mv fleet/flake.nix .").success();
    drop(scene.deploy(&["apply", "/root/plan.json"]).success());
    is_nowhere_but_on(host, &bed, "1.0");
    scene.folder.rewrite(&one(host, app("2.0")));
    drop(scene.save("/root/plan.json"));
    let lose = "rm -rf .local/state/deploy/plans; nix-store --gc";
    operator.shell(lose).success();
    let gone = operator.shell("! ls -d /nix/store/*-app-2.0.drv");
    drop(gone.success());
    drop(scene.deploy(&["apply", "/root/plan.json"]).success());
    is_nowhere_but_on(host, &bed, "2.0");
}

#[test]
fn all_ways_to_deploy_build_there() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let local = Profile::new("app", "1.0");
    let scene = Scene::new(&bed, "fleet", &one(host, local));
    drop(scene.deploy(&["-s", "--remote-build"]).success());
    assert_eq!(built(bed.operator(), "1.0"), [] as [&str; 0]);
    // As deploy-rs does, it activates again what is there.
    drop(scene.deploy(&["-s", "--remote-build"]).success());
    assert_eq!(seen(host, "app").activations, ["1.0", "1.0"]);
    for (mode, version, line) in [
        ("--dry-activate", "2.0", "dry 2.0"),
        ("--boot", "3.0", "boot 3.0"),
    ] {
        let profile = Profile::new("app", version).setting(REMOTE);
        scene.folder.rewrite(&one(host, profile));
        drop(scene.deploy(&["apply", "--yes", mode]).success());
        assert_eq!(seen(host, "app").activations.last().unwrap(), line);
        assert_eq!(built(bed.operator(), version), [] as [&str; 0]);
    }
}

/// A file has derivations as a flake has, which a saved plan of it keeps.
#[test]
fn what_a_file_describes_is_built_there_too() {
    let bed = Bed::new(1);
    let (host, operator) = (bed.host(0), bed.operator());
    let file = |version| one(host, app(version)).without_flake();
    let scene = Scene::new(&bed, "fleet", &file("1.0"));
    let elsewhere = |words: &[&str]| {
        let words = [words, &["--file", "/root/fleet/default.nix"]].concat();
        scene.command(&words).directory("/root").run().success()
    };
    drop(elsewhere(&["plan", "web1"]).says(&["built on the node", "known only then: app"]));
    drop(elsewhere(&["apply", "--yes", "web1"]).says(&["built app-1.0", "activated"]));
    is_nowhere_but_on(host, &bed, "1.0");
    scene.folder.rewrite(&file("2.0"));
    drop(elsewhere(&["plan", "--out", "/root/plan.json"]));
    operator
        .shell("nix-store --gc; mv fleet/default.nix .")
        .success();
    drop(scene.deploy(&["apply", "/root/plan.json"]).success());
    is_nowhere_but_on(host, &bed, "2.0");
    assert_eq!(seen(host, "app").activations, ["1.0", "2.0"]);
}

/// Derivations are addressed by their content, which no store wants a signature for.
#[test]
fn a_login_that_the_store_does_not_trust_may_build() {
    let bed = Bed::builder()
        .host(HostSettings::new("web1").user("alice"))
        .boot();
    let host = bed.host(0);
    let flake = |profile: Profile| {
        let node = Node::at(host).profile(profile);
        Flake::new()
            .setting("sshUser = \"alice\"; user = \"alice\";")
            .node(node)
    };
    let by_alice = |version| Profile::new("own", version).setting(REMOTE);
    let scene = Scene::new(&bed, "fleet", &flake(by_alice("1.0")));
    drop(
        scene
            .deploy(&["plan"])
            .success()
            .never_says(&["trusted-users"]),
    );
    drop(scene.apply());
    assert_eq!(built(bed.operator(), "1.0"), [] as [&str; 0]);
    assert_eq!(host.activations("own"), ["1.0"]);
    // A source that was built here is addressed by what it was built from.
    let made = bed.operator().shell(
        "nix-build --no-out-link --expr 'derivation { name = \"made\"; system = builtins.currentSystem; \
         builder = \"/bin/sh\"; args = [ \"-c\" \"echo made >$out\" ]; }'",
    );
    let made = made.success().text().to_owned();
    let source =
        format!("builtins.appendContext \"{made}\" {{ \"{made}\" = {{ path = true; }}; }}");
    let path =
        format!("fixture.shell \"own-2.0\" {{ source = {source}; }} \"cat \\$source >\\$out\"");
    scene.folder.rewrite(&flake(by_alice("2.0").path(&path)));
    let refused = scene.deploy(&["apply", "--yes"]).code(1);
    drop(refused.says(&["lacks a", "add sshUser to its trusted-users"]));
}

/// Its store is the operator's, so that there is nothing that could stay out of it.
#[test]
fn the_operators_own_machine_builds_as_ever() {
    let bed = Bed::new(1);
    let node = Node::new("here", "localhost").profile(app("1.0"));
    let scene = Scene::new(
        &bed,
        "fleet",
        &Flake::new().setting("user = \"root\";").node(node),
    );
    drop(scene.deploy(&["plan"]).success().says(&["+ hello 1.0"]));
    drop(scene.apply().says(&["1 profile activated"]));
}
