//! The test bed's hosts with systemd: what every other test of them takes for granted.

use std::process;

use crate::testbed::{Bed, HostSettings};

fn bed() -> Bed {
    Bed::builder()
        .host(HostSettings::new("unit").systemd().user("alice"))
        .boot()
}

#[test]
fn logins_are_sessions_of_logind() {
    let bed = bed();
    let host = bed.host(0);
    assert_eq!(
        host.shell("systemctl is-system-running").success().text(),
        "running"
    );
    let login = |user, script| bed.operator().ssh(user, host).arg(script).run().success();
    let group = login("alice", "cat /proc/self/cgroup");
    assert!(
        group.stdout.contains("/user-2001.slice/session-"),
        "{group}"
    );
    assert_eq!(login("root", "hostname").text(), "unit");
    assert_eq!(host.logins(), 2);
}

#[test]
fn it_can_be_stopped_frozen_crashed_and_booted() {
    let bed = bed();
    let (operator, host) = (bed.operator(), bed.host(0));
    host.freeze_ssh();
    assert!(!operator.can_login(host));
    host.thaw_ssh();
    assert!(operator.can_login(host));
    host.stop_sshd();
    assert!(!operator.can_login(host));
    host.start_sshd();
    assert!(operator.can_login(host));
    for path in ["/nix/kept", "/etc/kept", "/var/lib/kept", "/run/lost"] {
        host.write(path, "");
    }
    let boot_id = host.boot_id();
    host.crash();
    host.boot();
    assert_ne!(host.boot_id(), boot_id);
    let left = ["/nix/kept", "/etc/kept", "/var/lib/kept", "/run/lost"].map(|it| host.exists(it));
    assert_eq!(left, [true, true, true, false]);
    assert!(operator.can_login(host));
}

#[test]
fn a_dropped_bed_leaves_no_control_group() {
    let bed = bed();
    let name = bed.folder().file_name().unwrap().to_owned();
    let name = name.to_str().unwrap();
    assert!(control_groups().contains(name));
    drop(bed);
    assert!(!control_groups().contains(name));
}

fn control_groups() -> String {
    let script = "mount -t cgroup2 cgroup2 /mnt; ls /mnt";
    let output = process::Command::new("unshare")
        .args(["--mount", "sh", "-ec", script])
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
