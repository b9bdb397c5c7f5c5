//! Activations that do not do what they should: the target's, or the previous one going back.

use std::time::Instant;

use crate::lab::{Answer, Lab};
use crate::registry::{Activation, Fault, Rollback};
use crate::table::Stage;

/// What only happens once the test has asked for it.
macro_rules! when {
    ($version:literal, $text:literal) => {
        concat!("[ ! -e /run/fault/", $version, " ] || { ", $text, "; }")
    };
}

macro_rules! fault {
    ($name:literal, $text:literal) => {
        Fault {
            old_script: when!("old", $text),
            new_script: when!("new", $text),
            ..Fault::new($name, &[Activation, Rollback], misbehaves)
        }
    };
}

pub(crate) const FAULTS: &[Fault] = &[
    fault!("activation-fails", "exit 7"),
    fault!("activation-killed", "kill -KILL $$"),
    fault!("activation-hangs", "sleep 600"),
    fault!("activation-keeps-stdout", "setsid sleep 600 & :"),
    Fault {
        // What it prints keeps a busy machine from logging in.
        confirm_timeout: 20,
        ..fault!(
            "activation-prints-100-mb",
            "yes 'a line of the hundred megabytes that nobody reads' | head -c 100000000"
        )
    },
    Fault {
        run: prints_control_characters,
        ..fault!(
            "activation-prints-control-characters",
            "printf '\\033]0;owned\\007\\033[2J\\r\\n'; head -c 4096 /dev/urandom"
        )
    },
];

fn misbehaves(lab: &Lab) -> Answer {
    let version = match lab.stage {
        Stage::Rollback => "old",
        _ => "new",
    };
    lab.host().write(&format!("/run/fault/{version}"), "");
    let since = Instant::now();
    Answer::of(&lab.start().wait(), since)
}

fn prints_control_characters(lab: &Lab) -> Answer {
    let answer = misbehaves(lab);
    let is_harmless = |letter: char| letter == '\n' || !letter.is_control();
    assert!(
        answer.transcript.chars().all(is_harmless),
        "{:?}",
        answer.transcript
    );
    answer
}
