//! `--rollback-succeeded`: one profile fails while those of other nodes activate, wait or are done
//! (demand B22).

use crate::scene::{Says, Scene, Seen, fleet, seen};
use crate::testbed::{Bed, Flake, Host, Node, Output, Profile, Running};

/// Four hosts with 1.0: of the way to 2.0, `done` comes to its end, `fails` and `slow` wait to be
/// let go on, and `unchanged` has nothing to do.
struct Fleet {
    bed: Bed,
}

impl Fleet {
    fn new() -> Self {
        let fleet = Self { bed: Bed::new(4) };
        drop(fleet.scene("1.0", "").apply());
        fleet
    }

    fn done(&self) -> &Host {
        self.bed.host(0)
    }

    fn fails(&self) -> &Host {
        self.bed.host(1)
    }

    fn slow(&self) -> &Host {
        self.bed.host(2)
    }

    fn unchanged(&self) -> &Host {
        self.bed.host(3)
    }

    fn flake(&self, version: &str, settings: &str) -> Flake {
        let waits = |end: &str| match version {
            "1.0" => String::new(),
            _ => format!("until [ -e /root/go ]; do sleep 0.05; done; {end}"),
        };
        let app = |version: &str, script: &str| Profile::new("app", version).script(script);
        let node = |host, profile: Profile| Node::at(host).profile(profile);
        fleet()
            .node(node(self.done(), app(version, "").setting(settings)))
            .node(node(self.fails(), app(version, &waits("exit 9"))))
            .node(node(self.slow(), app(version, &waits(""))))
            .node(node(self.unchanged(), app("1.0", "")))
    }

    fn scene(&self, version: &str, settings: &str) -> Scene<'_> {
        Scene::new(&self.bed, "fleet", &self.flake(version, settings))
    }

    /// Starts the way to 2.0 and returns when the first host is done.
    fn start(&self, flags: &[&str], settings: &str) -> Running {
        let scene = self.scene("2.0", settings);
        let words = [&["apply", "--yes"], flags].concat();
        let mut running = scene.command(&words).spawn();
        running.wait_for("web1.app  activated");
        running.wait_until("all are at work", |_| {
            [self.fails(), self.slow()]
                .iter()
                .all(|host| host.activations("app").len() == 2)
        });
        running
    }

    /// Lets one fail, and only then the other one come to its end.
    fn finish(&self, mut running: Running) -> Output {
        self.fails().write("/root/go", "");
        running.wait_for("web2.app  rolled back");
        self.slow().write("/root/go", "");
        running.wait().code(3)
    }

    #[track_caller]
    fn is_as_before(&self, host: &Host, activations: &[&str]) {
        let expected = Seen {
            link: Some("app-1-link".to_owned()),
            generations: seen(self.unchanged(), "app").generations,
            activations: activations.iter().map(ToString::to_string).collect(),
        };
        let after = seen(host, "app");
        assert_eq!(after.link, expected.link, "{}", host.name());
        assert_eq!(after.numbers(), expected.numbers(), "{}", host.name());
        assert_eq!(after.activations, expected.activations, "{}", host.name());
    }
}

#[track_caller]
fn is_at_2(host: &Host) {
    let after = seen(host, "app");
    assert_eq!(after.link.as_deref(), Some("app-2-link"), "{}", host.name());
    assert_eq!(after.activations, ["1.0", "2.0"], "{}", host.name());
}

#[test]
fn a_failure_takes_back_what_was_done_and_what_still_ran() {
    let fleet = Fleet::new();
    let untouched = fleet.unchanged().logins();
    let output = fleet.finish(fleet.start(&["--rollback-succeeded"], ""));
    drop(output.says(&[
        "the run was taken back, since web2.app did not succeed",
        "the activation exited with status 9",
        "3 profiles rolled back",
        "web4",
    ]));
    fleet.is_as_before(fleet.done(), &["1.0", "2.0", "1.0"]);
    fleet.is_as_before(fleet.fails(), &["1.0", "2.0", "1.0"]);
    fleet.is_as_before(fleet.slow(), &["1.0", "2.0", "1.0"]);
    fleet.is_as_before(fleet.unchanged(), &["1.0"]);
    assert_eq!(fleet.unchanged().logins(), untouched + 1, "it is only read");
    // Nothing has to be cleaned up for the next time.
    for host in [fleet.fails(), fleet.slow()] {
        host.run(["rm", "/root/go"]).success();
    }
    let next = fleet.scene("1.5", "");
    for host in [fleet.fails(), fleet.slow()] {
        host.write("/root/go", "");
    }
    drop(
        next.deploy(&["apply", "--yes", ".#web1", ".#web3"])
            .success(),
    );
}

#[test]
fn without_it_what_succeeded_stays() {
    let fleet = Fleet::new();
    drop(fleet.finish(fleet.start(&[], "")));
    is_at_2(fleet.done());
    is_at_2(fleet.slow());
    fleet.is_as_before(fleet.fails(), &["1.0", "2.0", "1.0"]);
    fleet.is_as_before(fleet.unchanged(), &["1.0"]);
}

#[test]
fn a_profile_that_never_goes_back_by_itself_is_exempt() {
    let fleet = Fleet::new();
    let running = fleet.start(&["--rollback-succeeded", "true"], "autoRollback = false;");
    drop(fleet.finish(running));
    is_at_2(fleet.done());
    fleet.is_as_before(fleet.slow(), &["1.0", "2.0", "1.0"]);
}

#[test]
fn what_somebody_has_changed_meanwhile_is_left_alone() {
    let fleet = Fleet::new();
    let running = fleet.start(&["--rollback-succeeded"], "");
    let path = crate::scene::path_of("app");
    let switch = ["nix-env", "-p", &path, "--switch-generation", "1"];
    fleet.done().run(switch).success();
    drop(
        fleet
            .finish(running)
            .says(&["not taken back", "no longer what this run made of it"]),
    );
    let after = seen(fleet.done(), "app");
    assert_eq!(after.link.as_deref(), Some("app-1-link"));
    assert_eq!(after.numbers(), [1, 2]);
    assert_eq!(after.activations, ["1.0", "2.0"]);
}
