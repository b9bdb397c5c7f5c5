//! A real sudo that wants a password: asked for once on the terminal, before anything is changed,
//! and given to nothing but that sudo (demand 10, B20).

use std::time::Duration;

use crate::legacy_agent::{legacy, without_agent};
use crate::scene::{Says, Scene, Seen, seen};
use crate::testbed::{Bed, Flake, Host, HostSettings, Node, Output, Profile, Running};

const PASSWORD: &str = "tr0ub4dor&3 'quoted'";
const QUESTION: &str = "password of carol: ";

/// A host where carol may become anybody with her password, and alice without one.
fn bed(defaults: &[&str]) -> Bed {
    let host = HostSettings::new("web1")
        .user("alice")
        .user("carol")
        .user("eve")
        .trusted_user("alice")
        .trusted_user("carol")
        .sudo("alice ALL=(ALL) NOPASSWD: ALL")
        .sudo("carol ALL=(ALL) ALL");
    let host = defaults.iter().fold(host, |host, line| host.sudo(line));
    let bed = Bed::builder().host(host).boot();
    bed.host(0)
        .write("/root/password", &format!("carol:{PASSWORD}\n"));
    bed.host(0).shell("chpasswd </root/password").success();
    bed
}

fn flake(host: &Host, ssh_user: &str, profiles: &[Profile]) -> Flake {
    let setting = format!("sshUser = \"{ssh_user}\"; interactiveSudo = true; confirmTimeout = 20;");
    let node = profiles.iter().cloned().fold(Node::at(host), Node::profile);
    Flake::new().setting(&setting).node(node)
}

fn of(user: &str, name: &str, version: &str) -> Profile {
    Profile::new(name, version).setting(&format!("user = \"{user}\";"))
}

/// A fleet of one profile of root, which this user deploys.
fn scene<'bed>(bed: &'bed Bed, ssh_user: &str) -> Scene<'bed> {
    let profile = of("root", "app", "1.0");
    Scene::new(bed, "fleet", &flake(bed.host(0), ssh_user, &[profile]))
}

fn on_terminal(scene: &Scene<'_>, words: &[&str]) -> Running {
    let command = scene.command(words).interactive().terminal();
    command.limit(Duration::from_secs(60)).spawn()
}

/// Answers each question with the next of these, and returns what came of it.
#[track_caller]
fn answering(mut running: Running, answers: &[&str]) -> Output {
    for (number, answer) in answers.iter().enumerate() {
        running.wait_until("a question", |so_far| {
            so_far.stdout().matches(QUESTION).count() > number
        });
        running.write(&format!("{answer}\n"));
    }
    running.wait()
}

fn questions(output: &Output) -> usize {
    output.stdout.matches(QUESTION).count()
}

#[test]
fn one_question_for_all_that_is_done_on_a_node() {
    let bed = bed(&["Defaults timestamp_timeout=0"]);
    let host = bed.host(0);
    let spy = "ps -e ww -o args= >/tmp/processes";
    let profiles = |version| {
        [
            of("root", "app", version).script(spy),
            of("eve", "hers", version),
        ]
    };
    let scene = Scene::new(&bed, "fleet", &flake(host, "carol", &profiles("1.0")));
    let output = answering(on_terminal(&scene, &["apply", "--yes"]), &[PASSWORD]).success();
    assert_eq!(questions(&output), 1, "{output}");
    drop(
        output
            .says(&["2 profiles activated"])
            .never_says(&[PASSWORD]),
    );
    assert_eq!(seen(host, "app").activations, ["1.0"]);
    // It is nowhere but in the memory of the one process and on its way to sudo.
    let processes = host.read("/tmp/processes");
    assert!(processes.contains("activate"), "{processes}");
    assert!(!processes.contains(PASSWORD), "{processes}");
    let word = PASSWORD.split(' ').next().unwrap_or_default();
    let found = format!("grep -rlF --exclude-dir=target '{word}' /root/.local /root/fleet /tmp");
    assert_eq!(bed.operator().shell(&found).stdout, "");
    let found = format!("grep -rlF '{word}' /nix/var/nix/profiles /home /tmp /var/log");
    assert_eq!(host.shell(&found).stdout, "");
    // The next run asks again, and a rollback is a run like any other.
    scene
        .folder
        .rewrite(&flake(host, "carol", &profiles("2.0")));
    drop(answering(on_terminal(&scene, &["apply", "--yes"]), &[PASSWORD]).success());
    let back = on_terminal(&scene, &["rollback", "--yes", ".#web1.app"]);
    drop(answering(back, &[PASSWORD]).success());
    assert_eq!(seen(host, "app").link.as_deref(), Some("app-1-link"));
}

#[test]
fn a_wrong_password_may_be_corrected_and_three_change_nothing() {
    let bed = bed(&[]);
    let host = bed.host(0);
    let scene = scene(&bed, "carol");
    let output = answering(on_terminal(&scene, &["apply", "--yes"]), &["a", "", "c"]).code(1);
    let words = [
        "sudo on web1 does not let carol run the agent",
        "nothing was changed on any node",
    ];
    drop(output.says(&words).says(&["3 incorrect password attempts"]));
    assert_eq!(seen(host, "app"), Seen::nothing());
    let output = answering(on_terminal(&scene, &["apply", "--yes"]), &["a", PASSWORD]).success();
    assert_eq!(questions(&output), 2, "{output}");
    assert_eq!(seen(host, "app").activations, ["1.0"]);
}

#[test]
fn a_sudo_that_does_not_ask_is_told_nothing() {
    let bed = bed(&[]);
    let host = bed.host(0);
    let scene = scene(&bed, "alice");
    let output = on_terminal(&scene, &["apply", "--yes"]).wait().success();
    drop(output.never_says(&["password of alice: "]));
    scene
        .folder
        .rewrite(&flake(host, "alice", &[of("root", "app", "2.0")]));
    drop(scene.apply());
    // Nor does it matter where no sudo is needed.
    scene
        .folder
        .rewrite(&flake(host, "root", &[of("root", "app", "3.0")]));
    drop(scene.apply());
    assert_eq!(seen(host, "app").activations, ["1.0", "2.0", "3.0"]);
}

#[test]
fn what_sudo_remembers_is_not_relied_on() {
    let bed = bed(&["Defaults timestamp_type=global, timestamp_timeout=0.05"]);
    let host = bed.host(0);
    let slow = of("root", "app", "1.0").script("sleep 4");
    let scene = Scene::new(&bed, "fleet", &flake(host, "carol", &[slow]));
    let login = "su carol -c 'cut -d: -f2 | sudo -S -v' </root/password";
    host.shell(login).success();
    let output = answering(on_terminal(&scene, &["apply", "--yes"]), &[PASSWORD]).success();
    drop(output.says(&["1 profile activated"]));
}

#[test]
fn without_a_terminal_nothing_is_begun() {
    let bed = bed(&[]);
    let host = bed.host(0);
    let scene = scene(&bed, "carol");
    let words = ["where sudo wants the password of carol, you are asked for it"];
    drop(scene.save("plan.json").says(&words));
    for words in [&["apply", "--yes"], &["apply", "plan.json"]] {
        let output = scene.deploy(words).code(1);
        drop(output.says(&[
            "a password is required",
            "there is no terminal to ask for a password on",
        ]));
    }
    assert_eq!(seen(host, "app"), Seen::nothing());
    let output = answering(on_terminal(&scene, &["apply", "plan.json"]), &[PASSWORD]);
    drop(output.success());
}

#[test]
fn what_is_taken_back_and_what_is_recovered_needs_no_other_answer() {
    let bed = bed(&["Defaults timestamp_timeout=0"]);
    let host = bed.host(0);
    let profiles = |version, first, second| {
        [
            of("root", "a", version).script(first),
            of("eve", "b", version).script(second),
        ]
    };
    let scene = Scene::new(
        &bed,
        "fleet",
        &flake(host, "carol", &profiles("1.0", "", "")),
    );
    drop(answering(on_terminal(&scene, &["apply", "--yes"]), &[PASSWORD]).success());
    scene
        .folder
        .rewrite(&flake(host, "carol", &profiles("2.0", "", "exit 1")));
    let run = on_terminal(&scene, &["apply", "--yes", "--rollback-succeeded"]);
    let output = answering(run, &[PASSWORD]).code(3);
    assert_eq!(questions(&output), 1, "{output}");
    assert_eq!(seen(host, "a").link.as_deref(), Some("a-1-link"));

    scene.folder.rewrite(&flake(
        host,
        "carol",
        &profiles("3.0", "touch /tmp/begun; sleep 300", ""),
    ));
    let mut run = on_terminal(&scene, &["apply", "--yes", ".#web1.a"]);
    run.wait_for(QUESTION);
    run.write(&format!("{PASSWORD}\n"));
    host.comes_to("the activation", "[ -e /tmp/begun ]");
    // Else it would find its run again, and take it back itself.
    let operator = bed.operator();
    operator.run(["pkill", "-KILL", "-x", "deploy"]).success();
    drop(run);
    host.crash();
    host.boot();
    scene
        .folder
        .rewrite(&flake(host, "carol", &profiles("4.0", "", "")));
    let output = answering(on_terminal(&scene, &["apply", "--yes"]), &[PASSWORD]).success();
    assert_eq!(questions(&output), 1, "{output}");
    drop(output.says(&["recovered"]));
    assert_eq!(
        seen(host, "a").activations.last().map(String::as_str),
        Some("4.0")
    );
}

#[test]
fn only_sudo_itself_is_given_a_password() {
    let bed = bed(&[]);
    let flake =
        flake(bed.host(0), "carol", &[of("root", "app", "1.0")]).setting("sudo = \"doas -u\";");
    let scene = Scene::new(&bed, "fleet", &flake);
    let words = [
        "interactiveSudo with `doas -u root`",
        "only sudo asks on standard input",
    ];
    drop(scene.deploy(&["plan"]).code(1).says(&words));
}

/// What only deploy-rs's agent does, nobody is asked a password for; and where none is wanted, it
/// does it.
#[test]
fn an_agent_that_is_not_ours_is_given_no_password() {
    let bed = bed(&[]);
    let host = bed.host(0);
    let fleet = |ssh_user| {
        flake(
            host,
            ssh_user,
            &[legacy("app", "1.0").setting("user = \"root\";")],
        )
    };
    let scene = Scene::new(&bed, "fleet", &fleet("carol"));
    let words = [
        "a password is required",
        "interactiveSudo gives one to our own agent only",
        "nothing was changed",
    ];
    let apply = without_agent(&scene, "deploy", &["apply", "--yes"]);
    drop(apply.run().code(1).says(&words));
    let apply = without_agent(&scene, "deploy", &["apply", "--yes"]);
    let output = apply.interactive().terminal().run().code(1);
    assert_eq!(questions(&output), 0, "{output}");
    assert_eq!(seen(host, "app"), Seen::nothing());
    scene.folder.rewrite(&fleet("alice"));
    let apply = without_agent(&scene, "deploy", &["apply", "--yes"]);
    drop(apply.run().success());
    assert_eq!(seen(host, "app").activations, ["1.0"]);
}
