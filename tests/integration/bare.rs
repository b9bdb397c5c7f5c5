//! `deploy` without a command: the command line and the behaviour of deploy-rs.

use crate::scene::{Says, Scene, Seen, everywhere, fleet, one, path_of, seen};
use crate::testbed::{self, Bed, Flake, Node, Profile};

fn checked(flake: Flake, check: &str) -> Flake {
    let system = testbed::system();
    flake.output(&format!(
        "checks.{system}.own = fixture.shell \"own-check\" {{ }} \"{check}\";"
    ))
}

fn nothing_anywhere(bed: &Bed, profile: &str) {
    for host in bed.hosts() {
        assert_eq!(seen(host, profile), Seen::nothing(), "{}", host.name());
    }
}

#[test]
fn without_any_word_it_deploys_this_folder_and_does_so_again() {
    let bed = testbed::shared();
    let flake = one(bed.host(0), Profile::new("bare", "1.0"));
    let scene = Scene::new(bed, "bare", &checked(flake, "echo fine > $out"));
    for _ in 0..2 {
        drop(
            scene
                .deploy(&[])
                .success()
                .says(&["checking .", "activated"]),
        );
    }
    let seen = seen(bed.host(0), "bare");
    assert_eq!(seen.activations, ["1.0", "1.0"]);
    assert_eq!(seen.numbers(), [1], "the same path makes no generation");
}

#[test]
fn a_check_that_fails_stops_before_anything_is_changed() {
    let bed = testbed::shared();
    let flake = checked(
        everywhere(bed, &Profile::new("checked", "1.0")),
        "echo not like this; exit 1",
    );
    let scene = Scene::new(bed, "checked", &flake);
    let words = ["the checks of flake . failed", "not like this"];
    drop(scene.deploy(&[]).code(1).says(&words));
    drop(
        scene
            .deploy(&["apply", "--yes", "--checks"])
            .code(1)
            .says(&words),
    );
    drop(scene.deploy(&["plan", "--checks"]).code(1).says(&words));
    nothing_anywhere(bed, "checked");
    drop(
        scene
            .deploy(&["-s", ".#web1"])
            .success()
            .never_says(&["checking"]),
    );
    assert_eq!(seen(bed.host(0), "checked").activations, ["1.0"]);
}

#[test]
fn a_bad_change_stops_at_the_first_node() {
    let bed = testbed::shared();
    let bad = Profile::new("stopped", "1.0").script("exit 1");
    let scene = Scene::new(bed, "stopped", &everywhere(bed, &bad));
    for flags in [&["-s"][..], &["-s", "--rollback-succeeded", "false"]] {
        drop(scene.deploy(flags).code(3).says(&[
            "web2.stopped skipped: web1.stopped did not succeed",
            "web3.stopped skipped: web1.stopped did not succeed",
        ]));
    }
    let activations: Vec<_> = bed
        .hosts()
        .iter()
        .map(|host| seen(host, "stopped").activations.len())
        .collect();
    assert_eq!(activations, [2, 0, 0]);
}

#[test]
fn what_had_succeeded_goes_back_unless_told_otherwise() {
    let bed = testbed::shared();
    let node = |index: usize, script: &str| {
        Node::at(bed.host(index)).profile(Profile::new("revoked", "1.0").script(script))
    };
    let flake = fleet().node(node(0, "")).node(node(1, "exit 1"));
    let scene = Scene::new(bed, "revoked", &flake);
    drop(scene.deploy(&["-s"]).code(3));
    assert_eq!(seen(bed.host(0), "revoked").link, None);
    drop(
        scene
            .deploy(&["-s", "--rollback-succeeded", "false"])
            .code(3),
    );
    assert_eq!(seen(bed.host(0), "revoked").numbers().len(), 1);
}

/// Two nodes, and one at an address where nobody listens.
fn partly_gone(bed: &Bed, name: &str) -> Flake {
    let profile = Profile::new(name, "1.0");
    fleet()
        .node(Node::at(bed.host(0)).profile(profile.clone()))
        .node(Node::at(bed.host(1)).profile(profile.clone()))
        .node(Node::new("web9", "127.0.9.9").profile(profile))
}

#[test]
fn nothing_is_activated_unless_every_node_can_be_reached() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "together", &partly_gone(bed, "together"));
    for words in [&["-s"][..], &["apply", "--yes", "--all-or-nothing"]] {
        drop(scene.deploy(words).code(1).says(&[
            "not all nodes can be read, so nothing was changed on any node",
            "web9: ",
        ]));
    }
    nothing_anywhere(bed, "together");
    drop(scene.deploy(&["apply", "--yes"]).code(3));
    assert_eq!(seen(bed.host(0), "together").activations, ["1.0"]);
}

#[test]
fn several_targets() {
    let bed = testbed::shared();
    let scene = Scene::new(
        bed,
        "several",
        &everywhere(bed, &Profile::new("several", "1.0")),
    );
    let words = [
        "--targets",
        ".#web1",
        ".#web3.several",
        "-s",
        "--",
        "--impure",
    ];
    drop(
        scene
            .deploy(&words)
            .success()
            .says(&["2 profiles activated"]),
    );
    assert_eq!(seen(bed.host(1), "several"), Seen::nothing());
    assert_eq!(seen(bed.host(2), "several").activations, ["1.0"]);
}

#[test]
fn interactively_it_shows_the_plan_and_asks() {
    let bed = testbed::shared();
    let scene = Scene::new(
        bed,
        "asked",
        &one(bed.host(0), Profile::new("asked", "1.0")),
    );
    let refused = scene.deploy(&["-s", "-i"]).code(1);
    drop(refused.says(&["there is no terminal to ask on"]));
    let no = scene
        .command(&["-s", "--interactive"])
        .terminal()
        .stdin("n\n");
    drop(
        no.run()
            .code(1)
            .says(&["+ asked create generation 1", "not applied"]),
    );
    assert_eq!(seen(bed.host(0), "asked"), Seen::nothing());
    let yes = scene.command(&["-s", "-i"]).terminal().stdin("y\n").run();
    drop(yes.success());
}

#[test]
fn bad_command_lines() {
    let bed = testbed::shared();
    let scene = Scene::new(
        bed,
        "bare-bad",
        &one(bed.host(0), Profile::new("bare-bad", "1.0")),
    );
    for (words, said) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--boot", "--dry-activate"], "cannot be used with"),
        (&["--targets"], "--targets"),
        (&[".", "--targets", ".#web1"], "cannot be used with"),
        (&["--auto-rollback", "maybe"], "maybe"),
        (&["--magic-rollback", "1"], "invalid value"),
        (&["--fast-connection", "yes"], "invalid value"),
        (&["--rollback-succeeded", "."], "invalid value"),
        (&["--interactive-sudo", "."], "invalid value"),
        (&["--confirm-timeout", "-1"], "-1"),
        (&["--activation-timeout", "long"], "long"),
        (&["--hostname=-oProxyCommand=x"], "-oProxyCommand"),
        (&["--hostname", ""], "--hostname"),
        (&["--profile-user", "a b"], "a b"),
        (&["--ssh-user", ""], "--ssh-user"),
        (&["--temp-path", "tmp"], "tmp"),
        (&["--ssh-opts", "'open", "-s"], "a quote that is not closed"),
        (&["--max-activations", "0"], "0"),
        (&["--max-copies", "many"], "many"),
        (&["--parallel", "0"], "0"),
        (&["-i", "-y"], "cannot be used with"),
        (&[".#a.b.c", "-s"], "more than a node and a profile"),
        (&["-s", "plan"], "has to come first"),
        (&["--targets", ".", "apply"], "has to come first"),
        (&["-s", "plan.json"], "a saved plan, and not a flake"),
    ] {
        drop(scene.deploy(words).code(64).says(&[said]));
    }
    assert_eq!(seen(bed.host(0), "bare-bad"), Seen::nothing());
}

#[test]
fn results_and_logs_are_kept_where_they_are_wanted() {
    let bed = testbed::shared();
    let scene = Scene::new(bed, "kept", &one(bed.host(0), Profile::new("kept", "1.0")));
    drop(
        scene
            .deploy(&["-s", "--log-dir", "../kept-logs", "-d"])
            .success(),
    );
    let logs = scene.operator_command(
        "sh",
        &[
            "-c",
            "ls ../kept-logs/*/events.jsonl ../kept-logs/*/plan.json",
        ],
    );
    drop(logs.run().success());
    // The profile is there already, so that nothing has to be built for it.
    for (flags, link) in [
        (&["-s", "-k"][..], ".deploy-gc/web1/kept"),
        (&["-s", "-k", "-r", "results"], "results/web1/kept"),
        (
            &["apply", "--yes", "--result-path", "applied"],
            "applied/web1/kept",
        ),
        (
            &["plan", "--keep-result", "-r", "planned"],
            "planned/web1/kept",
        ),
    ] {
        drop(scene.deploy(flags).success());
        let read = scene.operator_command("readlink", &[link]).run().success();
        let target = bed.host(0).resolve(&path_of("kept"));
        assert_eq!(Some(read.stdout.trim().to_owned()), target);
        let roots =
            scene.operator_command("nix-store", &["--query", "--roots", read.stdout.trim()]);
        drop(roots.run().success().says(&[link]));
    }
}
