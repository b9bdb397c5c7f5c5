//! A clock that jumps by a day. See clock.c for how.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::lab::{Answer, Lab};
use crate::registry::{Fault, ON_THE_NODE};
use crate::testbed::{HostSettings, target_folder};

const DAY: i64 = 86_400;
const CLOCK: &str = "/run/fault/clock";

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        host: with_clock,
        after: |lab| drop(lab.host().run(["rm", CLOCK]).success()),
        ..Fault::new("clock-forward", ON_THE_NODE, |lab| {
            lab.meets(|_| jump(lab, DAY))
        })
    },
    Fault {
        host: with_clock,
        after: |lab| {
            drop(lab.host().run(["rm", CLOCK]).success());
            lab.host().thaw_ssh();
        },
        ..Fault::new("clock-back", ON_THE_NODE, back)
    },
];

/// Every login loads the clock, and so does what it starts.
fn with_clock(settings: HostSettings) -> HostSettings {
    let preload = format!("export LD_PRELOAD={}\n", library().display());
    settings.append("/root/.bashrc", &preload)
}

fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let path = target_folder().join("fault-clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/clock.c");
        let mut compiler = Command::new("cc");
        let status = compiler
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&path)
            .arg(source)
            .status();
        assert!(status.unwrap().success(), "compiling {source}");
        path
    };
    LIBRARY.get_or_init(build).clone()
}

/// The deadline of an unconfirmed activation must come all the same.
fn back(lab: &Lab) -> Answer {
    lab.meets(|_| {
        lab.host().freeze_ssh();
        lab.is_unreachable("timed out");
        jump(lab, -DAY);
    })
}

fn jump(lab: &Lab, seconds: i64) {
    let now = || -> i64 {
        let date = lab.host().command(["date", "+%s"]);
        let date = date.env("LD_PRELOAD", &library().display().to_string());
        date.run().success().text().parse().unwrap()
    };
    let before = now();
    lab.host().write(CLOCK, &seconds.to_string());
    assert!(
        (now() - before - seconds).abs() < 60,
        "the clock has not jumped"
    );
}
