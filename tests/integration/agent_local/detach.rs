//! Starting the supervisor below systemd: by a stand-in for `systemd-run`, in a namespace of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use deploy::protocol::{ActivationRequest, ActivationResult, AgentCommand};

use super::bed::{Bed, Call, done, present};

/// Does what systemd does with the options that the agent uses, and writes them down.
const SYSTEMD_RUN: &str = r#"#!/usr/bin/env python3
import os, subprocess, sys
words = sys.argv[1:]
open(os.environ["BED"] + "/options", "w").write("\n".join(words))
end = words.index("--")
pairs = [word[len("--setenv="):].split("=", 1) for word in words[:end] if word.startswith("--setenv=")]
null = subprocess.DEVNULL
subprocess.Popen(words[end + 1:], env=dict(pairs), cwd="/", start_new_session=True,
                 stdin=null, stdout=null, stderr=null)
"#;

fn command(bed: &Bed, request: &ActivationRequest, systemd_run: &str) -> Command {
    let folder = bed.path("bin");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("systemd-run");
    fs::write(&file, systemd_run).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let prepare = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec \"$@\"";
    let start = AgentCommand::Start(Box::new(request.clone()));
    let mut command = bed.nix("unshare");
    command
        .args([
            "-m",
            "sh",
            "-c",
            prepare,
            "sh",
            env!("CARGO_BIN_EXE_activate"),
        ])
        .args(start.arguments())
        .env(
            "PATH",
            format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", folder.display()),
        )
        .env("BED", bed.path(""))
        .env("SSH_CLIENT", "here")
        .env("DOLLAR", "$HOME");
    command
}

#[test]
fn a_unit_of_its_own_with_the_variables_of_the_session() {
    let bed = Bed::new();
    let one = bed.closure("one", "env > env; pwd > cwd");
    let request = bed.request(&one);
    let result = Call::begin(&mut command(&bed, &request, SYSTEMD_RUN)).result();
    assert_eq!(result, done(present(1, &one, 1)));
    let options = fs::read_to_string(bed.path("options")).unwrap();
    assert!(options.contains("--property=KillMode=process"), "{options}");
    assert!(
        options.contains(&format!("--unit=deploy-{}-", request.run)),
        "{options}"
    );
    let env = fs::read_to_string(bed.path("env")).unwrap();
    assert!(env.lines().any(|line| line == "DOLLAR=$HOME"), "{env}");
    assert!(
        env.lines()
            .any(|line| line.starts_with("NIX_CONFIG=substituters =")),
        "{env}"
    );
    assert!(!env.contains("SSH_CLIENT"), "{env}");
}

#[test]
fn where_systemd_does_not_start_it_a_session_does() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    let request = bed.request(&one);
    let failing = "#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n";
    let result = Call::begin(&mut command(&bed, &request, failing)).result();
    assert_eq!(result, done(present(1, &one, 1)));
}

#[test]
fn a_unit_that_never_begins_is_told_and_never_begins() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    let request = bed.request(&one);
    let result = Call::begin(&mut command(&bed, &request, "#!/bin/sh\nexit 0\n")).result();
    let ActivationResult::NotStarted { reason } = result else {
        panic!("{result:?}")
    };
    assert!(reason.contains("could not be started"), "{reason}");
    // The same run again: it must not begin behind the operator's back.
    let again = bed.start(&request).result();
    assert_eq!(again, ActivationResult::NotStarted { reason });
    assert_eq!(bed.active(), None);
}
