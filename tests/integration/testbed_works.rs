//! The test bed itself: what every other test here takes for granted about it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::testbed::{self, Bed, Flake, HostSettings, Node, Profile};

const PROFILE: &str = "/nix/var/nix/profiles/works";

#[test]
fn hosts_are_reachable_by_address_and_by_name() {
    let bed = testbed::shared();
    for host in bed.hosts() {
        let hostname = bed
            .operator()
            .ssh("root", host)
            .arg("hostname")
            .run()
            .success();
        assert_eq!(hostname.text(), host.name());
        let by_name = [
            "ssh",
            "-o",
            "StrictHostKeyChecking=yes",
            host.name(),
            "hostname",
        ];
        assert_eq!(bed.operator().run(by_name).success().text(), host.name());
    }
}

#[test]
fn machines_share_neither_stores_nor_boot_ids() {
    let bed = testbed::shared();
    bed.host(0).write("/nix/store/mark", "");
    assert!(bed.host(0).exists("/nix/store/mark"));
    assert!(!bed.host(1).exists("/nix/store/mark"));
    assert!(!bed.operator().exists("/nix/store/mark"));
    assert_ne!(bed.host(0).boot_id(), bed.host(1).boot_id());
}

#[test]
fn a_closure_built_by_the_operator_becomes_a_profile_of_the_host() {
    let (bed, host) = (testbed::shared(), testbed::shared().host(1));
    let store = format!("ssh://root@{}", host.address());
    let deploy = |version: &str| {
        let profile = Profile::new("works", version).package("hello", version);
        let flake = Flake::new().node(Node::at(host).profile(profile));
        let fleet = bed.operator().flake("/root/works", &flake);
        let path = build(
            bed,
            fleet.path(),
            &format!("{}.profiles.works", host.name()),
        );
        bed.operator()
            .run([
                "nix",
                "--extra-experimental-features",
                "nix-command",
                "copy",
                "--to",
                &store,
                &path,
            ])
            .success();
        bed.operator()
            .ssh("root", host)
            .args(["nix-env", "-p", PROFILE, "--set", &path])
            .run()
            .success();
        bed.operator()
            .ssh("root", host)
            .arg(format!("{path}/deploy-rs-activate"))
            .run()
            .success();
        path
    };
    let (first, second) = (deploy("1.0"), deploy("1.1"));
    assert_eq!(host.generations(PROFILE), [(1, first), (2, second.clone())]);
    assert_eq!(host.link(PROFILE).as_deref(), Some("works-2-link"));
    assert_eq!(host.resolve(PROFILE), Some(second));
    assert_eq!(host.activations("works"), ["1.0", "1.1"]);
}

#[test]
fn a_committed_flake_can_change_and_move_away() {
    let (bed, host) = (testbed::shared(), testbed::shared().host(0));
    let flake = |version| Flake::new().node(Node::at(host).profile(Profile::new("moves", version)));
    let mut fleet = bed.operator().flake("/root/moves", &flake("1"));
    fleet.commit("first");
    let first = build(bed, fleet.path(), "web1.profiles.moves");
    fleet.rewrite(&flake("2"));
    fleet.commit("second");
    assert_ne!(first, build(bed, fleet.path(), "web1.profiles.moves"));
    fleet.move_to("/root/moved");
    assert!(!bed.operator().exists("/root/moves"));
}

#[test]
fn sudo_is_real() {
    let (bed, host) = (testbed::shared(), testbed::shared().host(2));
    let whoami = |user| {
        bed.operator()
            .ssh(user, host)
            .args(["sudo", "-n", "id", "-un"])
            .run()
    };
    let allowed = whoami("alice").success();
    assert_eq!((allowed.text(), allowed.stderr.as_str()), ("root", ""));
    whoami("bob").code(1);
}

#[test]
fn logins_are_counted() {
    let bed = Bed::new(1);
    assert_eq!(bed.host(0).logins(), 0);
    assert!(bed.operator().can_login(bed.host(0)));
    assert!(bed.operator().can_login(bed.host(0)));
    assert_eq!(bed.host(0).logins(), 2);
}

#[test]
fn a_frozen_host_does_not_answer_until_it_thaws() {
    let bed = Bed::new(1);
    let (operator, host) = (bed.operator(), bed.host(0));
    let mut session = operator
        .ssh("root", host)
        .arg("echo open; sleep 1; echo late")
        .spawn();
    session.wait_for("open");
    host.freeze_ssh();
    let refused = operator.ssh("root", host).arg("true").run().code(255);
    assert!(refused.stderr.contains("timed out"), "{refused}");
    assert_eq!(session.stdout(), "open\n");
    host.thaw_ssh();
    assert!(operator.can_login(host));
    assert_eq!(session.wait().success().text(), "open\nlate");
}

#[test]
fn a_stopped_sshd_refuses_until_it_is_started() {
    let bed = Bed::new(1);
    let (operator, host) = (bed.operator(), bed.host(0));
    host.stop_sshd();
    let refused = operator.ssh("root", host).arg("true").run().code(255);
    assert!(refused.stderr.contains("refused"), "{refused}");
    host.start_sshd();
    assert!(operator.can_login(host));
    assert_eq!(host.logins(), 1);
}

#[test]
fn a_crash_keeps_what_is_on_disk() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let paths = [
        "/nix/kept",
        "/root/kept",
        "/etc/kept",
        "/var/lib/kept",
        "/run/lost",
        "/tmp/lost",
    ];
    for path in paths {
        host.write(path, "");
    }
    let boot_id = host.boot_id();
    host.crash();
    assert!(!host.is_up());
    host.boot();
    let left: Vec<_> = paths.into_iter().filter(|path| host.exists(path)).collect();
    assert_eq!(left, &paths[..4]);
    assert_ne!(host.boot_id(), boot_id);
    assert!(bed.operator().can_login(host));
}

#[test]
fn a_power_cut_loses_what_was_not_synced() {
    let bed = Bed::builder()
        .host(HostSettings::new("disk").store_size(64))
        .boot();
    let host = bed.host(0);
    host.shell("cd /nix; echo safe >safe; sync safe /nix; echo lost >lost")
        .success();
    host.cut_power();
    host.boot();
    assert_eq!(host.read("/nix/safe"), "safe\n");
    assert!(!host.exists("/nix/lost"));
    let full = host.shell("head -c 100M /dev/zero >/nix/large").code(1);
    assert!(full.stderr.contains("No space left"), "{full}");
}

#[test]
fn hosts_can_be_odd() {
    let bed = Bed::builder()
        .host(HostSettings::new("bare").without_nix())
        .host(HostSettings::new("loud").append("/root/.bashrc", "echo welcome\n"))
        .host(
            HostSettings::new("dash")
                .user_with_shell("carol", "/bin/sh")
                .trusted_user("carol"),
        )
        .boot();
    let ssh = |index, user, script| bed.operator().ssh(user, bed.host(index)).arg(script).run();
    ssh(0, "root", "nix --version").code(127);
    assert_eq!(
        ssh(1, "root", "echo here").success().text(),
        "welcome\nhere"
    );
    assert_eq!(
        ssh(2, "carol", "echo $SHELL; id -un").success().text(),
        "/bin/sh\ncarol"
    );
    let trusted = bed
        .host(2)
        .command(["grep", "trusted", "/etc/nix/nix.conf"])
        .user("carol")
        .run();
    assert_eq!(trusted.success().text(), "trusted-users = root carol");
}

#[test]
fn commands_can_be_interrupted_killed_and_fed() {
    let operator = testbed::shared().operator();
    let mut asleep = operator.spawn(["sh", "-c", "trap 'exit 7' INT; echo ready; sleep 60 & wait"]);
    asleep.wait_for("ready");
    asleep.interrupt();
    asleep.wait().code(7);
    let mut asleep = operator.spawn(["sh", "-c", "echo ready; sleep 60; echo never"]);
    asleep.wait_for("ready");
    assert_eq!(asleep.kill().code(137).text(), "ready");
    let fed = operator
        .command(["cat"])
        .stdin("text")
        .directory("/tmp")
        .run();
    assert_eq!(fed.success().text(), "text");
    let typed = operator.command(["sh", "-c", "test -t 1; read -r word; echo \"<$word>\""]);
    let typed = typed.terminal().stdin("yes\n").run().success();
    assert!(typed.stdout.contains("<yes>"), "{typed}");
    let asking = [
        "sh",
        "-c",
        "trap 'echo stopped; exit 9' INT; echo ready; read -r word",
    ];
    let mut asking = operator.command(asking).terminal().interactive().spawn();
    asking.wait_for("ready");
    asking.write("\x03");
    asking.wait_for("stopped");
    asking.wait().code(9);
}

#[test]
fn the_environment_is_empty_but_for_a_login_s() {
    let environment = testbed::shared()
        .operator()
        .command(["env"])
        .env("ADDED", "yes")
        .run()
        .success();
    let mut names: Vec<_> = environment
        .stdout
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "ADDED",
            "COLUMNS",
            "HOME",
            "LANG",
            "PATH",
            "TERM",
            "USER",
            "XDG_RUNTIME_DIR"
        ]
    );
}

#[test]
#[should_panic(expected = "took too long and was killed")]
fn a_command_that_takes_too_long_is_killed() {
    let slow = testbed::shared().operator().command(["sleep", "60"]);
    drop(slow.limit(Duration::from_millis(300)).run());
}

#[test]
fn a_machine_reaps_what_nobody_waits_for() {
    let host = testbed::shared().host(0);
    host.shell("setsid -f true; setsid -f sleep 0.1; sleep 0.4")
        .success();
    let processes = host.run(["ps", "-e", "-o", "stat=,args="]).success();
    assert!(
        !processes.stdout.lines().any(|line| line.starts_with('Z')),
        "{processes}"
    );
}

#[test]
fn a_dropped_bed_leaves_nothing() {
    let bed = Bed::new(2);
    let folder = bed.folder().to_owned();
    bed.host(0)
        .shell("setsid -f sleep 987654; setsid -f sleep 987655")
        .success();
    assert!(folder.exists() && processes_of(&folder) > 0);
    let started = Instant::now();
    drop(bed);
    assert!(!folder.exists());
    assert_eq!(processes_of(&folder), 0);
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// Builds a profile of a flake and returns its store path.
fn build(bed: &Bed, flake: &str, profile: &str) -> String {
    let path = format!("{flake}#deploy.nodes.{profile}.path");
    let features = "nix-command flakes";
    let build = bed.operator().run([
        "nix",
        "--extra-experimental-features",
        features,
        "build",
        "--no-link",
        "--json",
        &path,
    ]);
    let built = build.success().json();
    built[0]["outputs"]["out"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Counts the processes that were started for this bed, or see its file systems.
fn processes_of(bed: &Path) -> usize {
    let name = bed.file_name().unwrap_or_default().as_encoded_bytes();
    let belongs = |process: &Path| {
        ["cmdline", "mountinfo"].iter().any(|file| {
            let text = fs::read(process.join(file)).unwrap_or_default();
            text.windows(name.len()).any(|part| part == name)
        })
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter(|process| belongs(&process.path())).count()
}
