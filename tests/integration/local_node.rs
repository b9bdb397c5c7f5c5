//! The operator's own machine as a node: the same promise, and no ssh (demand 34).

use crate::scene::{Says, Scene, folder_of, path_of};
use crate::testbed::{Bed, Flake, Machine, Node, Profile};

const SETTINGS: &str = "user = \"root\"; confirmTimeout = 3;";

fn flake(node: Node, profiles: &[Profile]) -> Flake {
    let node = profiles.iter().cloned().fold(node, Node::profile);
    Flake::new().setting(SETTINGS).node(node)
}

fn localhost() -> Node {
    Node::new("here", "localhost")
}

fn app(version: &str, script: &str) -> Profile {
    Profile::new("app", version).script(script)
}

/// Makes every ssh of the operator fail, and leave a trace.
fn without_ssh(operator: &Machine) {
    operator.write(
        "/root/bin/ssh",
        "#!/bin/sh\necho \"$@\" >>/root/ssh-was-called\nexit 255\n",
    );
    operator.run(["chmod", "+x", "/root/bin/ssh"]).success();
}

/// Runs `deploy` where ssh is only that.
fn command(scene: &Scene<'_>, line: &str) -> crate::testbed::Command {
    let script = format!("PATH=/root/bin:$PATH exec deploy {line}");
    scene.operator_command("sh", &["-c", &script])
}

#[track_caller]
fn is_at(operator: &Machine, link: Option<&str>, activations: &str) {
    assert_eq!(operator.link(&path_of("app")).as_deref(), link);
    let log = operator.run(["cat", "/var/lib/activations/app"]);
    assert_eq!(
        log.stdout.split_whitespace().collect::<Vec<_>>().join(" "),
        activations
    );
}

#[test]
fn this_machine_is_deployed_to_without_ssh() {
    let bed = Bed::new(1);
    let operator = bed.operator();
    without_ssh(operator);
    operator.shell("useradd --create-home bob").success();
    let daemon = operator.spawn(["nix-daemon"]);
    operator.comes_to("the daemon", "[ -S /nix/var/nix/daemon-socket/socket ]");
    let profiles = |version, script| {
        let own = Profile::new("own", version).setting("user = \"bob\";");
        [app(version, script), own]
    };
    let scene = Scene::new(&bed, "fleet", &flake(localhost(), &profiles("1.0", "")));
    drop(
        command(&scene, "apply --yes")
            .run()
            .success()
            .says(&["2 profiles activated"]),
    );
    is_at(operator, Some("app-1-link"), "1.0");
    let own = "/home/bob/.local/state/nix/profiles/own";
    assert_eq!(
        operator.run(["stat", "--format=%U", own]).success().text(),
        "bob"
    );
    drop(
        command(&scene, "status")
            .run()
            .success()
            .says(&["app", "generation 1"]),
    );
    // What fails goes back, and what is applied from a file is what was reviewed.
    scene
        .folder
        .rewrite(&flake(localhost(), &profiles("2.0", "exit 1")));
    drop(
        command(&scene, "apply --yes")
            .run()
            .code(3)
            .says(&["rolled back"]),
    );
    is_at(operator, Some("app-1-link"), "1.0 2.0 1.0");
    scene
        .folder
        .rewrite(&flake(localhost(), &profiles("3.0", "")));
    drop(command(&scene, "plan --out plan.json").run().success());
    operator.shell("hostname elsewhere").success();
    let words = ["here is the machine operator, on which the plan was made"];
    drop(
        command(&scene, "apply plan.json")
            .run()
            .code(1)
            .says(&words),
    );
    operator.shell("hostname operator").success();
    drop(command(&scene, "apply plan.json").run().success());
    drop(command(&scene, "rollback --yes .#here.app").run().success());
    is_at(operator, Some("app-1-link"), "1.0 2.0 1.0 3.0 1.0");
    assert!(!operator.exists("/root/ssh-was-called"));
    drop(daemon);
}

#[test]
fn what_nobody_confirms_goes_back_here_too() {
    let bed = Bed::new(1);
    let operator = bed.operator();
    let scene = Scene::new(&bed, "fleet", &flake(localhost(), &[app("1.0", "")]));
    drop(scene.apply());
    scene.folder.rewrite(&flake(
        localhost(),
        &[app("2.0", "touch /tmp/begun; sleep 2")],
    ));
    let mut running = scene.command(&["apply", "--yes"]).spawn();
    operator.comes_to("the activation", "[ -e /tmp/begun ]");
    running.signal("KILL");
    drop(running);
    let rolled_back = format!("grep -q rolled_back {}/journal.json", folder_of("app"));
    operator.comes_to("the rollback", &rolled_back);
    is_at(operator, Some("app-1-link"), "1.0 2.0 1.0");
}

#[test]
fn ssh_is_used_where_it_could_lead_elsewhere() {
    let bed = Bed::new(1);
    let operator = bed.operator();
    without_ssh(operator);
    let tunnel = "sshOpts = [ \"-p\" \"2222\" ];";
    for setting in ["local = false;", tunnel, "sshUser = \"alice\";"] {
        let scene = Scene::new(
            &bed,
            "fleet",
            &flake(localhost().setting(setting), &[app("1.0", "")]),
        );
        drop(command(&scene, "plan").run().code(1));
        let called = operator.read("/root/ssh-was-called");
        assert!(called.contains("localhost"), "{setting}: {called}");
        operator.run(["rm", "/root/ssh-was-called"]).success();
    }
    // And not at all where the node says so, whatever its name is and whoever would log in.
    let node = Node::new("here", "web1.example.org").setting("local = true; sshUser = \"alice\";");
    let scene = Scene::new(&bed, "fleet", &flake(node, &[app("1.0", "")]));
    drop(command(&scene, "apply --yes").run().success());
    drop(
        command(&scene, "plan --hostname web2.example.org")
            .run()
            .code(1),
    );
    assert!(
        operator
            .read("/root/ssh-was-called")
            .contains("web2.example.org")
    );
}
