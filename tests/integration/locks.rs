//! Two runs at the same time, and a run that is interrupted.

use std::time::Duration;

use crate::scene::{Says, Scene, Seen, one, path_of, seen};
use crate::testbed::{self, Bed, Host, Output, Profile, Running};

/// A host on which an activation is at work until `/root/go-NAME` is there, and then does this.
fn held(name: &str, end: &str) -> (Scene<'static>, Running, &'static Host) {
    let bed = testbed::shared();
    let host = bed.host(2);
    let script = format!("until [ -e /root/go-{name} ]; do sleep 0.05; done; {end}");
    let scene = Scene::new(
        bed,
        name,
        &one(host, Profile::new(name, "1.0").script(&script)),
    );
    let mut slow = scene.command(&["apply", "--yes"]).spawn();
    slow.wait_until("it activates", |_| host.activations(name) == ["1.0"]);
    (scene, slow, host)
}

/// Another fleet that wants the profile at 2.0.
fn rival(name: &str) -> Scene<'static> {
    let bed = testbed::shared();
    Scene::new(
        bed,
        &format!("{name}-rival"),
        &one(bed.host(2), Profile::new(name, "2.0")),
    )
}

#[test]
fn a_profile_that_another_run_holds_is_refused_at_once() {
    let (_scene, slow, host) = held("held", "");
    let rival = rival("held");
    drop(
        rival
            .deploy(&["plan"])
            .success()
            .says(&["a run of root@operator is at work: activating"]),
    );
    let output = rival.deploy(&["apply", "--yes"]).code(5);
    assert!(output.elapsed < Duration::from_secs(10), "{output}");
    drop(output.says(&[
        "another run holds the lock",
        "root@operator",
        "nothing was touched",
    ]));
    host.write("/root/go-held", "");
    drop(slow.wait().success());
    assert_eq!(seen(host, "held").activations, ["1.0"]);
}

/// Starts the rival's apply, lets it come to the lock, and then the first one go on.
fn waits(name: &str, end: &str, code: i32) -> (Output, &'static Host) {
    let (_scene, slow, host) = held(name, end);
    let rival = rival(name);
    let mut waiting = rival
        .command(&["apply", "--yes", "--lock-timeout", "60s"])
        .spawn();
    waiting.wait_for(&format!("web3.{name}  activating"));
    host.write(&format!("/root/go-{name}"), "");
    drop(slow.wait().code(code));
    (waiting.wait(), host)
}

#[test]
fn a_run_that_waits_for_the_lock_comes_second() {
    let (output, host) = waits("second", "", 0);
    drop(output.success().says(&["activated"]));
    assert_eq!(seen(host, "second").activations, ["1.0", "2.0"]);
}

#[test]
fn a_run_that_waits_for_one_that_fails_finds_its_plan_stale() {
    let (output, host) = waits("outdated", "exit 1", 3);
    drop(
        output
            .code(4)
            .says(&["refused (stale)", "nothing was touched"]),
    );
    assert_eq!(seen(host, "outdated").activations, ["1.0"]);
    assert_eq!(seen(host, "outdated").link, None);
}

#[test]
fn an_interrupt_lets_a_running_activation_end() {
    let (_scene, mut slow, host) = held("interrupted-run", "");
    slow.interrupt();
    slow.wait_for("interrupted: starting nothing new, waiting for what runs");
    host.write("/root/go-interrupted-run", "");
    drop(slow.wait().code(130).says(&["activated"]));
    let path = path_of("interrupted-run");
    assert_eq!(host.link(&path).as_deref(), Some("interrupted-run-1-link"));
}

#[test]
fn a_second_interrupt_says_what_will_become_of_it() {
    let (_scene, mut slow, host) = held("abandoned", "");
    slow.interrupt();
    slow.wait_for("waiting for what runs");
    slow.interrupt();
    let output = slow.wait().code(130);
    drop(output.says(&["unconfirmed, it goes back by itself 30 s after it has ended"]));
    host.write("/root/go-abandoned", "");
}

#[test]
fn an_interrupted_plan_changes_nothing() {
    let bed = Bed::new(1);
    let profile = Profile::new("app", "1.0").build("sleep 60");
    let scene = Scene::new(&bed, "fleet", &one(bed.host(0), profile));
    for words in [&["plan"][..], &["apply", "--yes"]] {
        let mut running = scene.command(words).spawn();
        running.wait_for("building 1 derivation");
        running.interrupt();
        let output = running.wait().code(130);
        assert!(output.elapsed < Duration::from_secs(10), "{output}");
        drop(output.says(&["interrupted; nothing was changed"]));
    }
    assert_eq!(seen(bed.host(0), "app"), Seen::nothing());
    let left = bed.operator().run(["pgrep", "-a", "nix|ssh"]);
    assert_eq!(left.text(), "", "nothing is left running");
}

/// A `nix-store` before the real one on PATH that takes its time to keep outputs.
const SLOW: &str = "#!/bin/sh\ncase \"$*\" in *--add-root*) touch /root/keeping; sleep 1 ;; esac\nexec /usr/bin/nix-store \"$@\"\n";

#[test]
fn an_interrupt_between_plan_and_apply_is_heard() {
    let bed = Bed::new(1);
    bed.operator().write("/root/slow/nix-store", SLOW);
    bed.operator()
        .run(["chmod", "+x", "/root/slow/nix-store"])
        .success();
    let scene = Scene::new(&bed, "fleet", &one(bed.host(0), Profile::new("app", "1.0")));
    let script = "PATH=/root/slow:$PATH exec deploy apply --yes";
    let mut running = scene.operator_command("sh", &["-c", script]).spawn();
    running.wait_until("the outputs are being kept", |_| {
        bed.operator().exists("/root/keeping")
    });
    running.interrupt();
    drop(running.wait().code(130));
    assert_eq!(seen(bed.host(0), "app"), Seen::nothing());
}
