//! Activations that fail or cannot be confirmed: the host is exactly as it was before, and the
//! operator is told.

use std::thread;
use std::time::{Duration, Instant};

use crate::scene::{Says, Scene, Seen, fleet, one, path_of, seen};
use crate::testbed::{self, Bed, Flake, Host, Node, Output, Profile};

/// Freezes every sshd of the host, as if a new firewall dropped all packets.
const CUT_OFF: &str = "pkill -STOP '^sshd'";

#[test]
fn a_failing_activation_goes_back_exactly() {
    let (bed, name) = (testbed::shared(), "fails");
    let host = bed.host(0);
    let scene = Scene::new(bed, name, &one(host, Profile::new(name, "1.0")));
    drop(scene.apply());
    let before = seen(host, name);
    let bad = Profile::new(name, "2.0").script("echo the unit does not start >&2; exit 4");
    scene.folder.rewrite(&one(host, bad));
    drop(scene.deploy(&["apply", "--yes"]).code(3).says(&[
        "rolled back",
        "the activation exited with status 4",
        "the unit does not start",
        "back at generation 1, as before",
    ]));
    let after = seen(host, name);
    assert_eq!(
        (&after.link, &after.generations),
        (&before.link, &before.generations)
    );
    assert_eq!(after.activations, ["1.0", "2.0", "1.0"]);
    drop(
        scene
            .deploy(&["plan", "--detailed-exitcode"])
            .code(2)
            .says(&["generation 1 -> 2"]),
    );
}

#[test]
fn a_first_activation_that_fails_leaves_nothing() {
    let (bed, name) = (testbed::shared(), "fails-first");
    let scene = Scene::new(
        bed,
        name,
        &one(bed.host(0), Profile::new(name, "1.0").script("exit 1")),
    );
    let words = ["rolled back", "there was no generation to go back to"];
    drop(scene.deploy(&["apply", "--yes"]).code(3).says(&words));
    let after = seen(bed.host(0), name);
    assert_eq!((after.link, after.generations), (None, vec![]));
    assert_eq!(after.activations, ["1.0"]);
}

#[test]
fn a_failing_activation_without_rollback_is_told_and_stays() {
    let (bed, name) = (testbed::shared(), "fails-stays");
    let flake = |version, script| one(bed.host(0), Profile::new(name, version).script(script));
    let scene = Scene::new(bed, name, &flake("1.0", ""));
    drop(scene.apply());
    scene.folder.rewrite(&flake("2.0", "exit 1"));
    let words = ["not rolled back", "autoRollback is off", "generation 2"];
    drop(
        scene
            .deploy(&["apply", "--yes", "--auto-rollback", "false"])
            .code(3)
            .says(&words),
    );
    assert_eq!(
        seen(bed.host(0), name).link.as_deref(),
        Some("fails-stays-2-link")
    );
}

#[test]
fn one_node_that_fails_does_not_stop_the_others() {
    let (bed, name) = (testbed::shared(), "fails-alone");
    let node = |index, script: &str| {
        Node::at(bed.host(index)).profile(Profile::new(name, "1.0").script(script))
    };
    let flake = fleet()
        .node(node(0, "exit 1"))
        .node(node(1, ""))
        .node(node(2, ""));
    let scene = Scene::new(bed, name, &flake);
    drop(
        scene
            .deploy(&["apply", "--yes"])
            .code(3)
            .says(&["2 profiles activated", "1 rolled back"]),
    );
    assert_eq!(seen(bed.host(0), name).link, None);
    assert_eq!(seen(bed.host(1), name).activations, ["1.0"]);
    assert_eq!(seen(bed.host(2), name).activations, ["1.0"]);
}

#[test]
fn a_profile_that_fails_stops_those_after_it_on_its_node() {
    let (bed, name) = (testbed::shared(), "fails-before");
    let node = Node::at(bed.host(0)).setting("profilesOrder = [ \"fails-before\" \"after-it\" ];");
    let node = node.profile(Profile::new("after-it", "1.0"));
    let flake = fleet().node(node.profile(Profile::new(name, "1.0").script("exit 1")));
    let scene = Scene::new(bed, name, &flake);
    drop(scene.deploy(&["apply", "--yes"]).code(3).says(&[
        "after-it - skipped",
        "skipped: web1.fails-before did not succeed",
    ]));
    assert_eq!(seen(bed.host(0), "after-it"), Seen::nothing());
}

#[test]
fn an_activation_that_takes_too_long_goes_back() {
    let (bed, name) = (testbed::shared(), "too-long");
    let flake = |version, script| one(bed.host(0), Profile::new(name, version).script(script));
    let scene = Scene::new(bed, name, &flake("1.0", ""));
    drop(scene.apply());
    scene.folder.rewrite(&flake("2.0", "sleep 60"));
    let output = scene
        .deploy(&["apply", "--yes", "--activation-timeout", "1"])
        .code(3);
    assert!(output.elapsed < Duration::from_secs(30), "{output}");
    drop(output.says(&["rolled back", "1 s"]));
    assert_eq!(
        seen(bed.host(0), name).link.as_deref(),
        Some("too-long-1-link")
    );
}

/// A profile at 1.0 whose next version cuts its host off.
struct CutOff {
    bed: Bed,
}

impl CutOff {
    fn new() -> Self {
        let cut = Self { bed: Bed::new(1) };
        drop(cut.scene("1.0", "").apply());
        cut
    }

    fn host(&self) -> &Host {
        self.bed.host(0)
    }

    fn scene(&self, version: &str, script: &str) -> Scene<'_> {
        let flake: Flake = one(self.host(), Profile::new("app", version).script(script));
        let timeouts = "confirmTimeout = 3; activationTimeout = 5;";
        Scene::new(&self.bed, "fleet", &flake.setting(timeouts))
    }

    /// Waits until the host, which nobody reaches, has gone back by itself.
    #[track_caller]
    fn goes_back(&self) {
        let started = Instant::now();
        while self.host().activations("app") != ["1.0", "2.0", "1.0"] {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{:?}",
                seen(self.host(), "app")
            );
            thread::sleep(Duration::from_millis(50));
        }
        while self.host().exists(&format!("{}-2-link", path_of("app"))) {
            assert!(started.elapsed() < Duration::from_secs(20));
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(
            self.host().link(&path_of("app")).as_deref(),
            Some("app-1-link")
        );
        assert_eq!(seen(self.host(), "app").numbers(), [1]);
    }

    /// The activation is known to run before it has cut the host off.
    #[track_caller]
    fn becomes_unreachable(&self) {
        let started = Instant::now();
        while self.log_in().exit == 0 {
            assert!(started.elapsed() < Duration::from_secs(20));
        }
        self.is_unreachable();
    }

    #[track_caller]
    fn is_unreachable(&self) {
        let login = self.log_in().code(255);
        assert!(login.stderr.contains("timed out"), "{login}");
    }

    fn log_in(&self) -> Output {
        let operator = self.bed.operator();
        operator.ssh("root", self.host()).arg("true").run()
    }
}

#[test]
fn a_host_that_cuts_itself_off_goes_back_and_the_operator_is_told() {
    let cut = CutOff::new();
    let scene = cut.scene("2.0", CUT_OFF);
    let mut apply = scene.command(&["apply", "--yes"]).spawn();
    apply.wait_until("the activation has run", |_| {
        cut.host().activations("app").len() > 1
    });
    cut.becomes_unreachable();
    cut.goes_back();
    cut.is_unreachable();
    assert!(apply.is_running(), "the operator still waits for the end");
    cut.host().thaw_ssh();
    let output = apply.wait().code(3);
    drop(output.says(&[
        "rolled back",
        "no confirmation arrived within 3 s",
        "back at generation 1, as before",
    ]));
}

#[test]
fn a_host_that_stays_cut_off_goes_back_and_the_operator_is_told() {
    let cut = CutOff::new();
    let scene = cut.scene("2.0", CUT_OFF);
    let mut apply = scene.command(&["apply", "--yes"]).spawn();
    apply.wait_until("the activation has run", |_| {
        cut.host().activations("app").len() > 1
    });
    cut.becomes_unreachable();
    cut.goes_back();
    let output = apply.wait().code(3);
    assert!(output.elapsed < Duration::from_secs(90), "{output}");
    drop(output.says(&[
        "web1.app unreachable",
        "goes back by itself",
        "unknown until the node answers again",
    ]));
    cut.is_unreachable();
    cut.host().thaw_ssh();
    drop(
        scene
            .deploy(&["plan", "--detailed-exitcode"])
            .code(2)
            .says(&["update generation 1 -> 2"]),
    );
}

#[test]
fn a_host_that_only_takes_no_new_logins_goes_back() {
    let cut = CutOff::new();
    // The connections that stand go on, so that only a new login can tell.
    let scene = cut.scene("2.0", "kill \"$(cat /run/sshd.pid)\"");
    let output = scene.deploy(&["apply", "--yes"]).code(3);
    drop(output.says(&[
        "rolled back",
        "no confirmation arrived within 3 s",
        "confirming failed: ssh: connect to host",
        "Connection refused",
        "back at generation 1, as before",
    ]));
    cut.goes_back();
}

#[test]
fn a_host_that_lets_nobody_in_any_more_goes_back() {
    let cut = CutOff::new();
    let scene = cut.scene("2.0", "mv /root/.ssh/authorized_keys /root/.ssh/nobody");
    let output = scene.deploy(&["apply", "--yes"]).code(3);
    drop(output.says(&[
        "rolled back",
        "confirming failed: the login was refused",
        "Permission denied",
    ]));
    cut.goes_back();
}

#[test]
fn a_host_that_answers_again_before_the_deadline_is_confirmed() {
    let cut = CutOff::new();
    let script = "(sleep 2; pkill -CONT '^sshd') >/dev/null 2>&1 & pkill -STOP '^sshd'";
    let flake = one(cut.host(), Profile::new("app", "2.0").script(script));
    let scene = Scene::new(&cut.bed, "fleet", &flake.setting("confirmTimeout = 20;"));
    drop(scene.apply());
    assert_eq!(seen(cut.host(), "app").activations, ["1.0", "2.0"]);
    assert_eq!(seen(cut.host(), "app").link.as_deref(), Some("app-2-link"));
}

#[test]
fn without_magic_rollback_nothing_is_confirmed() {
    let cut = CutOff::new();
    let logins = cut.host().logins();
    let scene = cut.scene("2.0", "");
    drop(
        scene
            .deploy(&["apply", "--yes", "--magic-rollback", "false"])
            .success(),
    );
    assert_eq!(cut.host().logins() - logins, 1);
    assert_eq!(seen(cut.host(), "app").link.as_deref(), Some("app-2-link"));
}
