//! A host with systemd that is reset before a deployment was confirmed: what the units of
//! examples/systemd do about it at boot, and what is done without them (demand B16).

use crate::scene::{Says, Scene, Seen, agents, fleet, path_of, seen, seen_at};
use crate::testbed::{Bed, Flake, Host, HostSettings, Node, Profile, system};

const OF_ALICE: &str = "/home/alice/.local/state/nix/profiles/own";
/// As switching to a NixOS system does, which no unit of the boot must wait for; and what a login
/// has, a boot must have.
const WAITS: &str =
    "set -u; systemctl is-system-running --wait || :; : \"$HOME\" \"$USER\" \"$LOGNAME\"";
const UNITS: [(&str, &str); 2] = [
    (
        "deploy-recover-early.service",
        include_str!("../../examples/systemd/deploy-recover-early.service"),
    ),
    (
        "deploy-recover.service",
        include_str!("../../examples/systemd/deploy-recover.service"),
    ),
];

/// A host where root has the profile `app` and alice `own`, both at 1.0.
struct Reset {
    bed: Bed,
}

impl Reset {
    fn new() -> Self {
        let host = HostSettings::new("unit").systemd().kills_user_processes();
        let host = host.user("alice").trusted_user("alice");
        let host = UNITS.into_iter().fold(host, |host, (name, text)| {
            host.file(&format!("/etc/systemd/system/{name}"), text)
        });
        let reset = Self {
            bed: Bed::builder().host(host).boot(),
        };
        drop(reset.scene("1.0", WAITS).apply());
        reset
    }

    fn host(&self) -> &Host {
        self.bed.host(0)
    }

    /// Does what the units' own comment says.
    #[track_caller]
    fn enables_units(&self) {
        let agent = format!("{}/{}/activate", agents(), system());
        let script = "install -D \"$0\" /usr/local/libexec/deploy/activate; \
                      systemctl enable deploy-recover-early deploy-recover";
        let install = self.host().run(["sh", "-ec", script, &agent]);
        drop(install.success());
    }

    fn flake(&self, version: &str, script: &str) -> Flake {
        let profile = |name, user: &str| {
            let profile = Profile::new(name, version).script(script);
            let login = format!("sshUser = \"{user}\"; user = \"{user}\";");
            profile.setting(&login)
        };
        let node = Node::at(self.host())
            .profile(profile("app", "root"))
            .profile(profile("own", "alice"));
        fleet().setting("confirmTimeout = 300;").node(node)
    }

    fn scene(&self, version: &str, script: &str) -> Scene<'_> {
        Scene::new(&self.bed, "fleet", &self.flake(version, script))
    }

    /// Crashes the host while 2.0 of both waits for a confirmation that cannot arrive, and
    /// boots it again.
    #[track_caller]
    fn is_reset(&self) {
        let scene = self.scene("2.0", "until [ -e /run/frozen ]; do sleep 0.05; done");
        let apply = |target: &str| scene.command(&["apply", "--yes", target]).spawn();
        let (app, own) = (apply(".#unit.app"), apply(".#unit.own"));
        let logs = "/var/lib/activations";
        let both = format!("grep 2.0 {logs}/app && grep 2.0 {logs}/own");
        self.host().comes_to("both are activated", &both);
        self.host().freeze_ssh();
        self.host().write("/run/frozen", "");
        let waiting = |path: &str| {
            let (folder, name) = path.rsplit_once('/').unwrap_or_default();
            format!("grep -E '\"phase\": *\"waiting\"' {folder}/.deploy/{name}/journal.json")
        };
        let both = format!("{} && {}", waiting(&path_of("app")), waiting(OF_ALICE));
        self.host().comes_to("both wait", &both);
        self.host().crash();
        drop((app.kill(), own.kill()));
        self.host().boot();
    }

    #[track_caller]
    fn seen(&self) -> [Seen; 2] {
        let own = seen_at(self.host(), OF_ALICE, "own");
        [seen(self.host(), "app"), own]
    }

    #[track_caller]
    fn links(&self) -> [String; 2] {
        self.seen().map(|profile| profile.link.unwrap_or_default())
    }

    #[track_caller]
    fn is_old(&self) {
        assert_eq!(self.links(), ["app-1-link", "own-1-link"]);
        for profile in self.seen() {
            assert_eq!(profile.numbers(), [1]);
            assert_eq!(profile.activations, ["1.0", "2.0", "1.0"]);
        }
    }
}

#[test]
fn the_units_take_back_what_nobody_confirmed() {
    let reset = Reset::new();
    reset.enables_units();
    reset.is_reset();
    let host = reset.host();
    let log = host.shell("journalctl --boot --unit 'deploy-recover*'");
    // The early one has ended before anybody could log in.
    assert_eq!(reset.links(), ["app-1-link", "own-1-link"], "{log}");
    host.comes_to(
        "both are activated again",
        "cd /var/lib/activations; [ \"$(tail -qn 1 app own | uniq)\" = 1.0 ]",
    );
    host.comes_to("the boot is over", "systemctl is-system-running");
    reset.is_old();
    let scene = reset.scene("2.0", "");
    let plan = scene.deploy(&["plan", "--detailed-exitcode"]).code(2);
    drop(
        plan.says(&["generation 1 -> 2"])
            .never_says(&["interrupted"]),
    );
    drop(scene.apply().never_says(&["recovered"]));
    assert_eq!(reset.links(), ["app-2-link", "own-2-link"]);
}

#[test]
fn without_the_units_the_next_deployment_does() {
    let reset = Reset::new();
    reset.is_reset();
    let status = reset.scene("1.0", WAITS).deploy(&["status"]).success();
    drop(status.says(&["was interrupted", "takes it back first"]));
    assert_eq!(reset.links(), ["app-2-link", "own-2-link"]);
    let apply = reset.scene("1.0", WAITS).apply();
    drop(apply.says(&["app: recovered", "own: recovered", "No changes"]));
    reset.is_old();
}
