//! Crashes and cut power at every point of the agent, and the boot after them.

use std::time::Instant;

use crate::lab::{Answer, Lab};
use crate::registry::{Confirm, EVERY, Fault};
use crate::table::Stage;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        points,
        waits_for_contact: true,
        ..Fault::new("crash", EVERY, |lab| {
            comes_back(lab, crate::testbed::Machine::crash)
        })
    },
    Fault {
        points: |_| &["confirmed", "result"],
        ..Fault::new("crash-once-confirmed", &[Confirm], |lab| {
            comes_back(lab, crate::testbed::Machine::crash)
        })
    },
    Fault {
        points,
        waits_for_contact: true,
        host: |settings| settings.store_size(128),
        ..Fault::new("power-loss", EVERY, power_lost)
    },
    Fault {
        points: |_| &["confirmed", "result"],
        host: |settings| settings.store_size(128),
        ..Fault::new("power-loss-once-confirmed", &[Confirm], power_lost)
    },
];

/// Returns every point of the agent that belongs to a stage.
fn points(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::Observe | Stage::Copy => &[""],
        Stage::Lock => &["hello", "locked", "recovered"],
        Stage::Journal => &["journal", "prepared", "before-setting"],
        Stage::Set => &["setting", "started", "set"],
        Stage::Activation => &["before-activating", "activating", "", "activated"],
        Stage::Wait => &["before-waiting", "waiting"],
        Stage::Confirm => &["confirmation-seen", "before-confirmed"],
        Stage::Rollback => &[
            "before-rolling-back",
            "rolling-back",
            "restored",
            "reactivated",
            "deleted",
            "before-rolled-back",
        ],
    }
}

fn power_lost(lab: &Lab) -> Answer {
    let run = lab.start_held();
    let since = Instant::now();
    lab.host().cut_power();
    lab.host().boot();
    lab.make_room();
    Answer::of(&run.wait(), since)
}

fn comes_back(lab: &Lab, ends: fn(&crate::testbed::Machine)) -> Answer {
    let run = lab.start_held();
    let since = Instant::now();
    ends(lab.host());
    lab.host().boot();
    lab.make_room();
    Answer::of(&run.wait(), since)
}
