//! Profiles of users on hosts with systemd: where the agent lives, and what logind ends.

use crate::scene::{Says, Scene, seen_at};
use crate::testbed::{Bed, Flake, Host, HostSettings, Node, Profile};

const PATH: &str = "/home/alice/.local/state/nix/profiles/app";
const NOTE: &str = "rollback may have to wait for the next contact";
/// An activation that lasts until its connection is lost, and a little longer.
const LONG: &str =
    "until [ -e /tmp/lost ]; do echo waiting; sleep 0.05; done; sleep 1; echo >/tmp/went-on";

/// A host with systemd where alice has a profile at 1.0.
struct Home {
    bed: Bed,
}

impl Home {
    fn new(host: HostSettings) -> Self {
        let host = host.user("alice").trusted_user("alice");
        Self {
            bed: Bed::builder().host(host).boot(),
        }
    }

    fn host(&self) -> &Host {
        self.bed.host(0)
    }

    #[track_caller]
    fn lets_linger(&self) {
        let login = self.bed.operator().ssh("root", self.host());
        drop(login.arg("loginctl enable-linger alice").run().success());
    }

    fn scene(&self, version: &str, script: &str) -> Scene<'_> {
        let script = format!("cat /proc/self/cgroup >/tmp/group-{version}; {script}");
        let profile = Profile::new("app", version).script(&script);
        let timeouts = "confirmTimeout = 2; activationTimeout = 30;";
        let flake = Flake::new()
            .setting("sshUser = \"alice\";")
            .setting(timeouts);
        let flake = flake.node(Node::at(self.host()).profile(profile));
        Scene::new(&self.bed, "fleet", &flake)
    }

    /// Kills the operator and its connections while 2.0 is activated, and waits until the
    /// host has noticed.
    fn loses_the_operator(&self) {
        let scene = self.scene("2.0", LONG);
        let apply = scene.command(&["apply", "--yes"]).spawn();
        self.host()
            .comes_to("2.0 is activated", "grep 2.0 /var/lib/activations/app");
        drop(apply.kill());
        drop(
            self.bed
                .operator()
                .run(["pkill", "-KILL", "-x", "ssh"])
                .success(),
        );
        self.host()
            .comes_to("alice is gone", "! pgrep -f '[s]shd-session: alice'");
    }

    /// Lets the activation of 2.0 end, which nobody confirms.
    #[track_caller]
    fn goes_back_by_itself(&self) {
        self.host().write("/tmp/lost", "");
        let gone = format!("! test -L {PATH}-2-link");
        self.host().comes_to("2.0 is gone", &gone);
        self.is_old(&["1.0", "2.0", "1.0"]);
        assert!(self.host().exists("/tmp/went-on"));
    }

    #[track_caller]
    fn is_old(&self, activations: &[&str]) {
        let app = seen_at(self.host(), PATH, "app");
        assert_eq!(app.link.as_deref(), Some("app-1-link"));
        assert_eq!(app.numbers(), [1]);
        assert_eq!(app.activations, activations);
    }

    /// Returns the control group that this version was activated in.
    fn group(&self, version: &str) -> String {
        self.host().read(&format!("/tmp/group-{version}"))
    }
}

#[test]
fn a_user_who_lingers_has_units_that_no_logout_ends() {
    let home = Home::new(HostSettings::new("unit").systemd().kills_user_processes());
    home.lets_linger();
    let scene = home.scene("1.0", "");
    drop(scene.deploy(&["plan"]).success().never_says(&[NOTE]));
    drop(scene.apply());
    let group = home.group("1.0");
    assert!(
        group.contains("/user@2001.service/app.slice/deploy-"),
        "{group}"
    );
    home.loses_the_operator();
    home.goes_back_by_itself();
}

#[test]
fn a_user_who_does_not_linger_has_a_session_that_may_stay() {
    let home = Home::new(HostSettings::new("unit").systemd());
    let scene = home.scene("1.0", "");
    drop(scene.deploy(&["plan"]).success().never_says(&[NOTE]));
    drop(scene.apply());
    let group = home.group("1.0");
    assert!(group.contains("/user-2001.slice/session-"), "{group}");
    home.loses_the_operator();
    home.goes_back_by_itself();
}

#[test]
fn a_user_whose_processes_end_with_the_session_waits_for_the_next_contact() {
    let home = Home::new(HostSettings::new("unit").systemd().kills_user_processes());
    let scene = home.scene("1.0", "");
    let enable = "`loginctl enable-linger alice`";
    drop(scene.deploy(&["plan"]).success().says(&[NOTE, enable]));
    drop(scene.apply());
    home.loses_the_operator();
    home.host()
        .comes_to("the agent is ended", "! pgrep -f '[s]upervise'");
    home.host().write("/tmp/lost", "");
    assert_eq!(home.host().link(PATH).as_deref(), Some("app-2-link"));
    let scene = home.scene("1.0", "");
    drop(scene.apply());
    home.is_old(&["1.0", "2.0", "1.0"]);
    assert!(!home.host().exists("/tmp/went-on"));
}

/// `sudo -u alice` hands on neither the session nor the runtime folder.
#[test]
fn a_login_of_root_finds_the_systemd_of_a_user_who_lingers() {
    let home = Home::new(HostSettings::new("unit").systemd().kills_user_processes());
    home.lets_linger();
    let scene = home.scene("1.0", "");
    drop(
        scene
            .deploy(&[
                "apply",
                "--yes",
                "--ssh-user",
                "root",
                "--profile-user",
                "alice",
            ])
            .success(),
    );
    let group = home.group("1.0");
    assert!(
        group.contains("/user@2001.service/app.slice/deploy-"),
        "{group}"
    );
}
