//! What the user of the login may do, and the shell that greets them.

use std::time::Instant;

use crate::lab::{Answer, Lab};
use crate::registry::{EVERY, Fault, Observe};
use crate::testbed::HostSettings;

const SUDOERS: &str = "/etc/sudoers.d/bed";
const MAY: &str = "alice ALL=(ALL) NOPASSWD: ALL";
/// What the tests tell the agent passes through sudo.
const KEEP: &str = "Defaults env_keep += \"DEPLOY_AGENT_FAULT\"";

macro_rules! sudo {
    ($name:literal, $run:expr, $after:expr) => {
        Fault {
            host: |settings| with_user(settings, "/bin/bash"),
            login: "alice",
            after: $after,
            ..Fault::new($name, EVERY, |lab| lab.meets(|_| $run(lab)))
        }
    };
}

pub(crate) const FAULTS: &[Fault] = &[
    sudo!(
        "sudo-asks",
        |lab| rules(lab, "alice ALL=(ALL) ALL"),
        |lab| rules(lab, MAY)
    ),
    sudo!("sudo-denies", |lab| rules(lab, ""), |lab| rules(lab, MAY)),
    sudo!("sudo-missing", hide, |lab| {
        drop(lab.host().run(["umount", "-l", "/usr/bin"]).success());
    }),
    Fault {
        host: |settings| with_user(settings, "/usr/bin/fish"),
        login: "alice",
        ..Fault::new("shell-fish", &[Observe], just_runs)
    },
    Fault {
        before: |lab| {
            drop(lab.deploy("1.0"));
            lab.host()
                .append("/root/.bashrc", "[ -e /run/fault/quiet ] || echo noise\n");
        },
        after: |lab| lab.host().write("/run/fault/quiet", ""),
        ..Fault::new("shell-noise", &[Observe], just_runs)
    },
    Fault {
        before: |lab| {
            let mount = lab.host().run(["mount", "-o", "remount,noexec", "/tmp"]);
            drop(mount.success());
            let script = "printf '#!/bin/sh\\n' > /tmp/x; chmod +x /tmp/x; ! /tmp/x";
            drop(lab.host().shell(script).success());
            drop(lab.deploy("1.0"));
        },
        ..Fault::new("noexec-tmp", &[Observe], just_runs)
    },
    Fault {
        host: |settings| settings.append("/root/.bashrc", "unset HOME\n"),
        ..Fault::new("home-missing", &[Observe], just_runs)
    },
];

fn just_runs(lab: &Lab) -> Answer {
    let since = Instant::now();
    Answer::of(&lab.start().wait(), since)
}

fn with_user(settings: HostSettings, shell: &str) -> HostSettings {
    let settings = settings
        .user_with_shell("alice", shell)
        .trusted_user("alice");
    settings.sudo(MAY).sudo(KEEP)
}

fn rules(lab: &Lab, rule: &str) {
    let host = lab.host();
    host.write(SUDOERS, &format!("{rule}\n{KEEP}\n"));
    host.run(["chmod", "440", SUDOERS]).success();
    let may = host.command(["sudo", "-n", "true"]).user("alice").run();
    assert_eq!(may.exit == 0, rule == MAY, "{may}");
}

fn hide(lab: &Lab) {
    let script = "mkdir /run/upper /run/work; \
                  mount -t overlay overlay -o lowerdir=/usr/bin,upperdir=/run/upper,workdir=/run/work /usr/bin; \
                  rm /usr/bin/sudo";
    drop(lab.host().shell(script).success());
    let gone = lab.host().run(["sh", "-c", "command -v sudo"]);
    assert_ne!(gone.exit, 0, "{gone}");
}
