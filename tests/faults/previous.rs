//! What was there before the run, to which it goes back.

use std::time::Instant;

use crate::lab::{Answer, Lab};
use crate::registry::{Activation, Fault, Rollback};
use crate::scene::path_of;
use crate::state::{PROFILE, VERSIONS};

const LOG: &str = "/var/lib/activations/app";

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        before: |lab| {
            drop(lab.deploy("0.9"));
            drop(lab.deploy(VERSIONS[0]));
        },
        old_script: "[ ! -e /run/fault/bad ] || { rm /run/fault/bad; exit 1; }",
        ..Fault::new("same-closure-again", &[Activation], again)
    },
    Fault {
        before: |_| (),
        new_script: "exit 1",
        ..Fault::new("first-deployment", &[Activation], fails_and_runs_nothing)
    },
    Fault {
        before: |lab| made_by_hand(lab, "bin/switch-to-configuration"),
        ..Fault::new("previous-by-nixos", &[Rollback], fails_and_runs_the_old)
    },
    Fault {
        before: |lab| made_by_hand(lab, "activate"),
        ..Fault::new(
            "previous-by-home-manager",
            &[Rollback],
            fails_and_runs_the_old,
        )
    },
    Fault {
        before: |lab| made_by_hand(lab, "share/nothing"),
        ..Fault::new("previous-by-nobody", &[Rollback], fails_and_runs_nothing)
    },
    Fault {
        before: rolled_back_by_hand,
        ..Fault::new("rolled-back-by-hand", &[Rollback], fails_and_runs_the_old)
    },
    Fault {
        old_script: "[ ! -e /run/fault/bad ] || exit 9",
        ..Fault::new("previous-fails-too", &[Rollback], fails_twice)
    },
];

fn fails(lab: &Lab) -> Answer {
    let since = Instant::now();
    Answer::of(&lab.start().wait(), since)
}

fn again(lab: &Lab) -> Answer {
    lab.host().write("/run/fault/bad", "");
    let scene = lab.scene(&lab.flake(&[lab.profile(VERSIONS[0])]));
    let since = Instant::now();
    let answer = Answer::of(&scene.deploy(&["apply", "--yes", "--force"]), since);
    let activations = lab.host().activations(PROFILE);
    assert_eq!(
        activations,
        ["0.9", "1.0", "1.0", "1.0"],
        "{}",
        answer.transcript
    );
    answer
}

fn fails_and_runs_the_old(lab: &Lab) -> Answer {
    let before = lab.host().activations(PROFILE);
    let answer = fails(lab);
    let after = lab.host().activations(PROFILE);
    assert_eq!(
        after[before.len()..],
        [VERSIONS[1], VERSIONS[0]],
        "{}",
        answer.transcript
    );
    answer
}

/// There is nothing that could be run, so what the target's activation has done stays.
fn fails_and_runs_nothing(lab: &Lab) -> Answer {
    let answer = fails(lab);
    assert_eq!(lab.host().activations(PROFILE), [VERSIONS[1]]);
    drop(lab.host().run(["rm", LOG]).success());
    answer
}

fn fails_twice(lab: &Lab) -> Answer {
    lab.host().write("/run/fault/bad", "");
    let answer = fails_and_runs_the_old(lab);
    let words = ["going back failed", "status 9", "repair it on the node"];
    for words in words {
        assert!(
            answer.transcript.contains(words),
            "{words}: {}",
            answer.transcript
        );
    }
    answer
}

/// Makes a generation as other tools do, with this as its only program, and activates it.
fn made_by_hand(lab: &Lab, program: &str) {
    let expression = format!(
        "derivation {{ name = \"{PROFILE}-1.0\"; system = builtins.currentSystem; builder = \"/bin/sh\"; \
         script = \"#!/bin/sh\\necho 1.0 >> {LOG}\\n\"; \
         args = [ \"-ec\" \"export PATH=/bin:/usr/bin; mkdir -p $out/$(dirname {program}); \
         printf %s \\\"$script\\\" > $out/{program}; chmod +x $out/{program}\" ]; }}"
    );
    let host = lab.host();
    let built = host
        .run(["nix-build", "--no-out-link", "-E", &expression])
        .success();
    let profile = path_of(PROFILE);
    host.run(["mkdir", "-p", "/nix/var/nix/profiles/per-user/root"])
        .success();
    host.run(["nix-env", "--profile", &profile, "--set", built.text()])
        .success();
    if program != "share/nothing" {
        host.run([&format!("{}/{program}", built.text())]).success();
    }
}

fn rolled_back_by_hand(lab: &Lab) {
    drop(lab.deploy(VERSIONS[0]));
    drop(lab.deploy("1.1"));
    let profile = path_of(PROFILE);
    lab.host()
        .run(["nix-env", "--profile", &profile, "--rollback"])
        .success();
    lab.host().shell(&format!("echo 1.0 >> {LOG}")).success();
}
