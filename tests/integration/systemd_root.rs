//! Root's profiles on hosts with systemd where logind ends what a session leaves: an activation
//! survives what becomes of its connection, and behaves as one that a login runs.

use crate::scene::{Says, Scene, fleet, one, path_of, seen};
use crate::testbed::{Bed, Host, HostSettings, Node, Profile};

/// A host with systemd, where the profile `app` is at 1.0.
struct Unit {
    bed: Bed,
}

impl Unit {
    fn new() -> Self {
        Self::of(HostSettings::new("unit").systemd().kills_user_processes())
    }

    fn of(host: HostSettings) -> Self {
        let unit = Self {
            bed: Bed::builder().host(host).boot(),
        };
        drop(unit.scene("1.0", "").apply());
        unit
    }

    fn host(&self) -> &Host {
        self.bed.host(0)
    }

    fn scene(&self, version: &str, script: &str) -> Scene<'_> {
        let flake = one(self.host(), Profile::new("app", version).script(script));
        let timeouts = "confirmTimeout = 10; activationTimeout = 30;";
        Scene::new(&self.bed, "fleet", &flake.setting(timeouts))
    }

    #[track_caller]
    fn is_new(&self) {
        let app = seen(self.host(), "app");
        assert_eq!(app.link.as_deref(), Some("app-2-link"));
        assert_eq!((app.numbers(), app.activations), new());
    }

    #[track_caller]
    fn is_old(&self) {
        let app = seen(self.host(), "app");
        assert_eq!(app.link.as_deref(), Some("app-1-link"));
        assert_eq!(app.numbers(), [1]);
        assert_eq!(app.activations, ["1.0", "2.0", "1.0"]);
    }

    /// systemd remembers a unit as long as something that it has started runs.
    #[track_caller]
    fn has_no_live_units(&self) {
        let list = "systemctl list-units --plain --no-legend 'deploy-*'";
        self.host()
            .comes_to("no live units of a run", &format!("[ -z \"$({list})\" ]"));
    }

    /// Nothing of a run stays behind among the units, neither running nor failed.
    #[track_caller]
    fn has_no_units(&self) {
        let list = "systemctl list-units --all --plain --no-legend 'deploy-*'";
        self.host()
            .comes_to("no units of a run", &format!("[ -z \"$({list})\" ]"));
    }
}

fn new() -> (Vec<u64>, Vec<String>) {
    (vec![1, 2], vec!["1.0".into(), "2.0".into()])
}

#[test]
fn an_activation_that_restarts_sshd() {
    let unit = Unit::new();
    let script = "cat /proc/self/cgroup >/var/lib/activations/group; systemctl restart ssh";
    drop(unit.scene("2.0", script).apply());
    unit.is_new();
    let groups = unit.host().read("/var/lib/activations/group");
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let run = group.and_then(|group| group.strip_prefix("/system.slice/deploy-"));
    let (run, rest) = run.unwrap_or_default().split_once('-').unwrap_or_default();
    assert!(run.len() == 32 && rest.ends_with(".service"), "{groups}");
    unit.has_no_units();
}

#[test]
fn an_activation_that_stops_sshd_for_a_while() {
    let unit = Unit::new();
    let script = "systemctl stop ssh; pkill -KILL '^sshd' || :; sleep 2; systemctl start ssh";
    drop(unit.scene("2.0", script).apply());
    unit.is_new();
}

#[test]
fn an_activation_that_re_executes_systemd() {
    let unit = Unit::new();
    let script = "systemctl daemon-reload; systemctl daemon-reexec; echo still here";
    drop(unit.scene("2.0", script).apply().says(&["still here"]));
    unit.is_new();
    unit.has_no_units();
}

/// A session's scope is spared when everything else is stopped, and so is the unit.
#[test]
fn an_activation_that_isolates_a_target() {
    let unit = Unit::new();
    let script = "systemctl isolate multi-user.target; systemctl is-active ssh";
    drop(unit.scene("2.0", script).apply());
    unit.is_new();
    unit.has_no_units();
}

/// Whoever still writes into the connection dies of it.
#[test]
fn the_connection_is_lost_while_the_activation_prints() {
    let unit = Unit::new();
    let script = "until [ -e /run/lost ]; do echo waiting; sleep 0.05; done; \
                  for number in $(seq 1000); do echo \"line $number\"; done; echo error >&2";
    let scene = unit.scene("2.0", script);
    let apply = scene.command(&["apply", "--yes"]).spawn();
    unit.host()
        .comes_to("the activation runs", "grep 2.0 /var/lib/activations/app");
    unit.bed
        .operator()
        .run(["pkill", "-KILL", "-x", "ssh"])
        .success();
    unit.host().write("/run/lost", "");
    drop(apply.wait().success());
    unit.is_new();
    unit.has_no_units();
}

#[test]
fn the_operator_is_killed_while_the_activation_runs() {
    let unit = Unit::new();
    let script = "until [ -e /run/lost ]; do echo waiting; sleep 0.05; done; echo >/run/went-on";
    let scene = unit.scene("2.0", script);
    let apply = scene.command(&["apply", "--yes", "--confirm-timeout", "1"]);
    let apply = apply.spawn();
    unit.host()
        .comes_to("the activation runs", "grep 2.0 /var/lib/activations/app");
    drop(apply.kill());
    unit.bed
        .operator()
        .run(["pkill", "-KILL", "-x", "ssh"])
        .success();
    unit.host()
        .comes_to("nobody is logged in", "! pgrep -f '[s]shd-session: root'");
    unit.host().write("/run/lost", "");
    unit.host()
        .comes_to("the activation went on", "test -e /run/went-on");
    unit.host().comes_to(
        "it went back",
        &format!("! test -e {}-2-link", path_of("app")),
    );
    unit.has_no_units();
    unit.is_old();
}

/// Three things that a bare unit would break, and deploy-rs's `ssh` does not.
#[test]
fn an_activation_finds_what_a_login_has() {
    let tools = "/opt/tools:/usr/local/bin:/usr/bin:/bin";
    let host = HostSettings::new("unit")
        .systemd()
        .kills_user_processes()
        .user("alice")
        .trusted_user("alice")
        .sudo("Defaults secure_path=/opt/tools:/usr/bin:/bin")
        .sudo("alice ALL=(ALL) NOPASSWD: ALL")
        .file("/root/.ssh/environment", &format!("PATH={tools}\n"))
        .file(
            "/etc/ssh/sshd_config.d/bed.conf",
            "PermitUserEnvironment yes\n",
        );
    let unit = Unit::of(host);
    let script = "#!/bin/sh\necho found >\"$1\"\n";
    unit.host().write("/opt/tools/only-here", script);
    unit.host()
        .run(["chmod", "+x", "/opt/tools/only-here"])
        .success();
    let script = "set -u; only-here \"$HOME/found-$PROFILE_KIND\"";
    for user in ["root", "alice"] {
        let profile = Profile::new(user, "1.0").script(&script.replace("$PROFILE_KIND", user));
        let node = Node::at(unit.host())
            .profile(profile)
            .setting("user = \"root\";");
        let flake = fleet().node(node.setting(&format!("sshUser = \"{user}\";")));
        drop(Scene::new(&unit.bed, user, &flake).apply());
        assert_eq!(unit.host().read(&format!("/root/found-{user}")), "found\n");
    }
}

#[test]
fn a_daemon_that_an_activation_leaves_goes_on() {
    let unit = Unit::new();
    let script = "sleep 123456 & setsid sleep 654321 >/dev/null 2>&1 &";
    drop(unit.scene("2.0", script).apply());
    unit.is_new();
    unit.has_no_live_units();
    let running = unit.host().run(["pgrep", "-x", "-a", "sleep"]).success();
    let mut running: Vec<_> = running
        .stdout
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    running.sort_unstable_by_key(|(_, line)| *line);
    let lines: Vec<_> = running.into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["sleep 123456", "sleep 654321"]);
}
