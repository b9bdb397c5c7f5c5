//! Nodes on which no agent of ours starts: they are deployed through the one in their closures.

use crate::scene::{Says, Scene, fleet, folder_of, one, seen};
use crate::testbed::{self, Command, Flake, Host, Node, Output, Profile};

/// Without it no confirmation arrives.
const MUTE: &str =
    "#!/bin/sh\ncase \"$*\" in *deploy-rs-canary*) exit 255 ;; esac\nexec /usr/bin/ssh \"$@\"\n";

/// A closure with what deploy-rs's library puts into it.
pub(crate) fn legacy(name: &str, version: &str) -> Profile {
    let agent = include_str!("nix/activate-rs.sh");
    Profile::new(name, version).build(&format!(
        "cat > $out/activate-rs <<'END'\n{agent}END\nchmod +x $out/activate-rs"
    ))
}

/// A call of a program with an agent that starts nowhere.
pub(crate) fn without_agent(scene: &Scene<'_>, program: &str, words: &[&str]) -> Command {
    const FOLDER: &str = "/root/broken-agents";
    let operator = scene.operator();
    let agent = format!("{FOLDER}/{}/activate", testbed::system());
    operator.write(&agent, "#!/no/such/loader\n");
    scene
        .operator_command(program, words)
        .env("DEPLOY_AGENTS", FOLDER)
}

/// Applies through the agents in the closures.
fn apply(scene: &Scene<'_>, flags: &[&str]) -> Output {
    let words = [&["apply", "--yes"], flags].concat();
    without_agent(scene, "deploy", &words).run()
}

fn in_temp_path(host: &Host, profile: &str) -> String {
    let list = format!("find /tmp -name 'deploy*-{profile}'");
    host.shell(&list).success().stdout
}

#[test]
fn the_closure_s_own_agent_activates_and_is_confirmed() {
    let (bed, name) = (testbed::shared(), "legacy");
    let host = bed.host(0);
    let scene = Scene::new(bed, name, &one(host, legacy(name, "1.0")));
    let words = [
        "our agent does not start there",
        "no lock and no journal",
        "activated",
    ];
    drop(apply(&scene, &[]).success().says(&words));
    scene.folder.rewrite(&one(host, legacy(name, "2.0")));
    drop(apply(&scene, &[]).success());
    let now = seen(host, name);
    assert_eq!(now.link.as_deref(), Some("legacy-2-link"));
    assert_eq!(now.activations, ["1.0", "2.0"]);
    assert_eq!(in_temp_path(host, name), "");
    host.shell(&format!("test ! -e {}", folder_of(name)))
        .success();
}

#[test]
fn a_failed_activation_is_told_by_where_the_link_leads() {
    let (bed, name) = (testbed::shared(), "legacy-fails");
    let host = bed.host(0);
    let scene = Scene::new(bed, name, &one(host, legacy(name, "1.0")));
    drop(apply(&scene, &[]).success());
    let before = seen(host, name);
    let bad = legacy(name, "2.0").script("echo it breaks; exit 1");
    scene.folder.rewrite(&one(host, bad));
    let words = ["rolled back", "it breaks", "at generation 1"];
    drop(apply(&scene, &[]).code(3).says(&words));
    let after = seen(host, name);
    assert_eq!(
        (&after.link, &after.generations),
        (&before.link, &before.generations)
    );
    assert_eq!(after.activations, ["1.0", "2.0", "1.0"]);
}

#[test]
fn without_a_confirmation_it_goes_back() {
    let (bed, name) = (testbed::shared(), "legacy-mute");
    let host = bed.host(0);
    let flake = |version| one(host, legacy(name, version).setting("confirmTimeout = 2;"));
    let scene = Scene::new(bed, name, &flake("1.0"));
    drop(apply(&scene, &[]).success());
    scene.folder.rewrite(&flake("2.0"));
    let operator = bed.operator();
    operator.write("/root/legacy-mute-ssh/ssh", MUTE);
    operator
        .run(["chmod", "+x", "/root/legacy-mute-ssh/ssh"])
        .success();
    let script = "PATH=/root/legacy-mute-ssh:$PATH exec deploy apply --yes";
    let muted = without_agent(&scene, "sh", &["-c", script]);
    let words = [
        "rolled back",
        "confirming failed",
        "timeout elapsed",
        "at generation 1",
    ];
    drop(muted.run().code(3).says(&words));
    assert_eq!(seen(host, name).link.as_deref(), Some("legacy-mute-1-link"));
    assert_eq!(in_temp_path(host, name), "");
}

#[test]
fn a_run_is_taken_back_through_it() {
    let (bed, name) = (testbed::shared(), "legacy-revoke");
    let flake = |version: &str, script: &str| -> Flake {
        let first = Node::at(bed.host(0)).profile(legacy(name, version));
        let second = Node::at(bed.host(1))
            .setting(&format!("dependsOn = [ \"{}\" ];", bed.host(0).name()))
            .profile(legacy(name, version).script(script));
        fleet().node(first).node(second)
    };
    let scene = Scene::new(bed, name, &flake("1.0", ""));
    drop(apply(&scene, &[]).success());
    scene.folder.rewrite(&flake("2.0", "exit 1"));
    let output = apply(&scene, &["--rollback-succeeded", "true"]).code(3);
    drop(output.says(&["taken back"]));
    for host in &bed.hosts()[..2] {
        assert_eq!(
            seen(host, name).link.as_deref(),
            Some("legacy-revoke-1-link")
        );
    }
}

#[test]
fn it_is_not_asked_for_what_it_would_do_wrong() {
    let (bed, name) = (testbed::shared(), "legacy-wrong");
    let host = bed.host(0);
    let scene = Scene::new(bed, name, &one(host, legacy(name, "1.0")));
    drop(apply(&scene, &[]).success());
    let before = seen(host, name);
    let words = [
        "another generation than the current one",
        "Nothing was changed",
    ];
    drop(apply(&scene, &["--force"]).code(1).says(&words));
    assert_eq!(seen(host, name), before);
}

/// deploy-rs's agent has no way back from a boot entry, and no words for a dry run that fails.
#[test]
fn a_next_boot_and_a_dry_run_are_left_to_our_own_agent() {
    let (bed, name) = (testbed::shared(), "legacy-boot");
    let host = bed.host(0);
    let scene = Scene::new(bed, name, &one(host, legacy(name, "1.0")));
    drop(apply(&scene, &[]).success());
    let before = seen(host, name);
    scene.folder.rewrite(&one(host, legacy(name, "2.0")));
    let words = ["only our agent prepares a next boot", "nothing was changed"];
    drop(apply(&scene, &["--boot"]).code(1).says(&words));
    let dry = without_agent(&scene, "deploy", &["apply", "--dry-activate"]);
    drop(dry.run().code(1));
    assert_eq!(seen(host, name), before);
}

#[test]
fn a_closure_without_an_agent_is_refused_before_anything_changes() {
    let (bed, name) = (testbed::shared(), "legacy-none");
    let host = bed.host(0);
    let scene = Scene::new(bed, name, &one(host, Profile::new(name, "1.0")));
    let words = ["activate-rs", "nothing was changed on this node"];
    drop(apply(&scene, &[]).code(1).says(&words));
    assert_eq!(seen(host, name).link, None);
}

#[test]
fn the_plan_says_where_there_is_no_agent() {
    let (bed, name) = (testbed::shared(), "legacy-plan");
    let scene = Scene::new(bed, name, &one(bed.host(0), legacy(name, "1.0")));
    let script = "cp \"$(command -v deploy)\" ./deploy && exec ./deploy plan";
    let plan = scene.operator_command("sh", &["-c", script]);
    let words = [
        &format!("no agent for {} is here", testbed::system()),
        "no lock and no journal",
    ];
    drop(
        plan.env("DEPLOY_AGENTS", "/nowhere")
            .run()
            .success()
            .says(&words),
    );
}
