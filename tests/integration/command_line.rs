//! What the command line takes and refuses, and the question before anything is changed.

use crate::scene::{Says, Scene, Seen, everywhere, one, seen};
use crate::testbed::{self, Host, Profile};

fn web1() -> &'static Host {
    testbed::shared().host(0)
}

fn app(name: &str) -> Scene<'static> {
    Scene::new(
        testbed::shared(),
        name,
        &one(web1(), Profile::new(name, "1.0")),
    )
}

#[test]
fn an_apply_that_nobody_can_answer_for_is_refused() {
    let scene = app("unanswered");
    let words = [
        "there is no terminal to ask on, so nothing was changed",
        "--yes",
        "deploy plan --out",
    ];
    drop(scene.deploy(&["apply"]).code(1).says(&words));
    drop(
        scene
            .command(&["apply"])
            .stdin("y\n")
            .run()
            .code(1)
            .says(&words),
    );
    assert_eq!(seen(web1(), "unanswered"), Seen::nothing());
}

#[test]
fn a_person_who_says_no() {
    let scene = app("said-no");
    for answer in ["n\n", "\n", "yesterday\n", "\x04"] {
        let output = scene
            .command(&["apply"])
            .terminal()
            .stdin(answer)
            .run()
            .code(1);
        drop(output.says(&[
            "Apply this plan? [y/N]",
            "+ said-no create generation 1",
            "not applied; nothing was changed",
        ]));
    }
    assert_eq!(seen(web1(), "said-no"), Seen::nothing());
}

#[test]
fn a_person_who_says_yes() {
    let scene = app("said-yes");
    let mut asking = scene.command(&["apply"]).terminal().interactive().spawn();
    asking.wait_for("Apply this plan?");
    assert_eq!(seen(web1(), "said-yes"), Seen::nothing());
    asking.write("y\n");
    drop(asking.wait().success().says(&["activated", "generation 1"]));
    assert_eq!(seen(web1(), "said-yes").activations, ["1.0"]);
    // Nothing to do, nothing to ask.
    drop(
        scene
            .command(&["apply"])
            .terminal()
            .run()
            .success()
            .never_says(&["Apply this plan?"]),
    );
}

#[test]
fn an_interrupt_at_the_question_changes_nothing() {
    let scene = app("interrupted");
    let mut asking = scene.command(&["apply"]).terminal().interactive().spawn();
    asking.wait_for("Apply this plan?");
    asking.write("\x03");
    drop(asking.wait().code(130));
    assert_eq!(seen(web1(), "interrupted"), Seen::nothing());
}

#[test]
fn a_saved_plan_needs_no_answer() {
    let scene = app("no-answer");
    drop(scene.save("plan.json"));
    drop(scene.deploy(&["apply", "plan.json"]).success());
    assert_eq!(seen(web1(), "no-answer").activations, ["1.0"]);
}

#[test]
fn bad_command_lines() {
    let scene = app("bad-line");
    for (words, said) in [
        (&["plan", "--no-such-flag"][..], "--no-such-flag"),
        (&["apply", "--yes", "--confirm-timeout", "soon"], "soon"),
        (
            &["apply", "--yes", "--lock-timeout", "5x"],
            "unknown time unit",
        ),
        (
            &["apply", "--yes", "--ssh-opts", "'open"],
            "a quote that is not closed",
        ),
        (&["apply", "--yes", "--auto-rollback", "maybe"], "maybe"),
        (&["apply", "--yes", "--temp-path", "relative"], "relative"),
        (
            &["apply", "--yes", ".#a.b.c"],
            "more than a node and a profile",
        ),
        (&["apply", "--yes", ".#a b"], "in quotes"),
        (
            &["apply", "--yes", ".#\"open"],
            "ends where a name was expected",
        ),
        (
            &["plan", "--exclude", ".#a.b.c"],
            "more than a node and a profile",
        ),
        (&["plan", "--format", "yaml"], "yaml"),
        (&["plan", "--quiet", "--verbose"], "cannot be used with"),
        (&["show"], "FILE"),
    ] {
        drop(scene.deploy(words).code(64).says(&[said]));
    }
    assert_eq!(seen(web1(), "bad-line"), Seen::nothing());
}

#[test]
fn flags_that_would_change_a_reviewed_plan_are_refused() {
    let scene = app("reviewed");
    drop(scene.save("plan.json"));
    for flags in [
        &["--force"][..],
        &["--exclude", ".#web1"],
        &["--hostname", "elsewhere"],
        &["--profile-user", "bob"],
        &["--ssh-user", "bob"],
        &["--sudo", "doas -u"],
        &["--magic-rollback", "false"],
        &["--auto-rollback", "false"],
        &["--fast-connection"],
        &["--temp-path", "/tmp"],
        &["--remote-build"],
        &["--interactive-sudo"],
        &["--checks"],
        &["--keep-going"],
        &["--boot"],
        &["--dry-activate"],
        &["--", "--impure"],
    ] {
        let words = [&["apply", "plan.json"], flags].concat();
        let said = format!("{} ", flags[0]);
        drop(scene.deploy(&words).code(64).says(&[
            &said,
            "cannot be given with a saved plan",
            "exactly as it was reviewed",
        ]));
    }
    assert_eq!(seen(web1(), "reviewed"), Seen::nothing());
    let words = [
        "apply",
        "plan.json",
        "--yes",
        "--lock-timeout",
        "5s",
        "--confirm-timeout",
        "9",
        "--ssh-opts",
        "-v",
        "--json",
    ];
    let events = scene.deploy(&words).success();
    assert!(
        events.stdout.lines().all(|line| line.starts_with('{')),
        "{events}"
    );
    assert!(events.stdout.contains("\"seconds\":9"), "{events}");
    assert_eq!(seen(web1(), "reviewed").activations, ["1.0"]);
}

#[test]
fn flags_override_the_flake() {
    let bed = testbed::shared();
    let scene = Scene::new(
        bed,
        "overridden",
        &one(
            web1(),
            Profile::new("overridden", "1.0").setting("user = \"nobody\";"),
        ),
    );
    let words = [
        "apply",
        "--yes",
        "--hostname",
        &bed.host(1).address(),
        "--profile-user",
        "root",
    ];
    drop(scene.deploy(&words).success());
    assert_eq!(seen(web1(), "overridden"), Seen::nothing());
    assert_eq!(seen(bed.host(1), "overridden").activations, ["1.0"]);
}

/// deploy-rs sends the profiles of all nodes there, one over the other.
#[test]
fn a_host_name_is_of_one_node() {
    let (bed, name) = (testbed::shared(), "one-host");
    let scene = Scene::new(bed, name, &everywhere(bed, &Profile::new(name, "1.0")));
    let hostname = ["--hostname", &bed.host(0).address()];
    for words in [
        &["apply", "--yes"][..],
        &["plan"],
        &["status"],
        &["rollback", "--yes", "."],
        &["-s"],
        &["-s", "--targets", ".#web2", ".#web1"],
        &["plan", ".#web1", "/root/other#web1"],
    ] {
        let words = [words, &hostname].concat();
        drop(
            scene
                .deploy(&words)
                .code(64)
                .says(&["--hostname is of one node"]),
        );
    }
    assert_eq!(seen(web1(), name), Seen::nothing());
    let one = ["-s", ".#web2", hostname[0], hostname[1]];
    drop(scene.deploy(&one).success());
    assert_eq!(seen(web1(), name).activations, ["1.0"]);
    assert_eq!(seen(bed.host(1), name), Seen::nothing());
}

#[test]
fn unchanged_profiles_are_activated_again_with_force_only() {
    let scene = app("forced");
    drop(scene.apply());
    drop(scene.apply());
    assert_eq!(seen(web1(), "forced").activations, ["1.0"]);
    drop(
        scene
            .deploy(&["plan", "--force"])
            .success()
            .says(&["forced reactivate"]),
    );
    drop(scene.deploy(&["apply", "--yes", "--force"]).success());
    let after = seen(web1(), "forced");
    assert_eq!(
        (after.numbers(), after.activations),
        (vec![1], vec!["1.0".to_owned(), "1.0".to_owned()])
    );
}

#[test]
fn every_event_is_a_line_of_json() {
    let bed = testbed::shared();
    let scene = Scene::new(
        bed,
        "events",
        &everywhere(bed, &Profile::new("events", "1.0")),
    );
    let output = scene.deploy(&["apply", "--yes", "--json"]).success();
    let events: Vec<serde_json::Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let last = events
        .last()
        .map(|event| (event["event"].clone(), event["exit_code"].clone()));
    assert_eq!(last, Some(("run_finished".into(), 0.into())), "{output}");
    let run = events
        .iter()
        .find(|event| event["event"] == "run_started")
        .expect("the run started");
    let folder = run["folder"].as_str().unwrap_or_default();
    let kept = bed.operator().read(&format!("{folder}/events.jsonl"));
    assert!(kept.lines().count() >= events.len(), "{kept}");
    assert_eq!(
        bed.operator()
            .run(["stat", "--format=%a", folder])
            .success()
            .text(),
        "700"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let scene = app("closed-pipe");
    let script = "{ deploy plan; echo \"exit $?\" >&2; } | true";
    drop(
        scene
            .operator_command("sh", &["-c", script])
            .run()
            .success()
            .says(&["exit 0"])
            .never_says(&["panicked"]),
    );
}

#[test]
fn a_plan_that_cannot_be_printed_whole_is_an_error() {
    let scene = app("full-disk");
    drop(scene.save("plan.json"));
    for command in [
        "deploy plan --format json",
        "deploy plan",
        "deploy show plan.json",
    ] {
        let script = format!("{command} >/dev/full");
        drop(
            scene
                .operator_command("sh", &["-c", &script])
                .run()
                .code(1)
                .says(&["could not print", "No space left on device"]),
        );
    }
}
