//! What happens to the connection: dropped, frozen, refused, moved, not trusted any more.

use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{Answer, Lab};
use crate::registry::{Activation, EVERY, Fault, ON_THE_NODE};
use crate::state::VERSIONS;
use crate::table::Stage;

pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("connection-dropped", EVERY, dropped),
    Fault {
        confirm_timeout: 30,
        ..Fault::new(
            "node-frozen-and-back-in-time",
            EVERY,
            frozen_and_back_in_time,
        )
    },
    Fault {
        after: |lab| lab.host().thaw_ssh(),
        ..Fault::new("node-frozen-for-good", EVERY, frozen_for_good)
    },
    Fault::new(
        "node-frozen-and-back-too-late",
        ON_THE_NODE,
        frozen_and_back_too_late,
    ),
    Fault {
        after: |lab| lab.host().start_sshd(),
        ..Fault::new("sshd-stopped", EVERY, stopped)
    },
    Fault {
        confirm_timeout: 15,
        ..Fault::new("sshd-restarted", EVERY, restarted)
    },
    Fault {
        old_script: "sed -i 's/^Port .*/Port 22/' /run/sshd_config; kill -HUP $(cat /run/sshd.pid)",
        new_script: "sed -i 's/^Port .*/Port 2222/' /run/sshd_config; kill -HUP $(cat /run/sshd.pid)",
        ..Fault::new("sshd-moved", &[Activation], |lab| {
            unreachable_by_itself(lab, "refused")
        })
    },
    Fault {
        old_script: "[ ! -e /run/fault/key ] || { cp /run/fault/key /run/ssh_host_key; kill -HUP $(cat /run/sshd.pid); }",
        new_script: "cp /run/ssh_host_key /run/fault/key; rm /run/ssh_host_key; \
                     ssh-keygen -q -t ed25519 -N '' -f /run/ssh_host_key; kill -HUP $(cat /run/sshd.pid)",
        ..Fault::new("host-key-changed", &[Activation], |lab| {
            unreachable_by_itself(lab, "Host key verification failed")
        })
    },
];

/// Sessions are the listener's children, which goes on.
fn dropped(lab: &Lab) -> Answer {
    lab.meets(|_| {
        let script = "pkill -KILL -P \"$(cat /run/sshd.pid)\"";
        drop(lab.host().shell(script).success());
    })
}

/// For 20 s out of 30, since that is what was promised.
fn frozen_and_back_in_time(lab: &Lab) -> Answer {
    frozen(lab, || thread::sleep(Duration::from_secs(20)))
}

fn frozen_and_back_too_late(lab: &Lab) -> Answer {
    frozen(lab, || {
        thread::sleep(Duration::from_secs(4));
        if lab.stage != Stage::Confirm {
            let old = format!("{}-1-link", crate::state::PROFILE);
            let has_old = || {
                let state = lab.state();
                state.link.as_deref() == Some(&old) && state.running.as_deref() == Some(VERSIONS[0])
            };
            lab.wait_until("the node has gone back", has_old);
        }
    })
}

fn frozen(lab: &Lab, meanwhile: impl FnOnce()) -> Answer {
    let run = lab.start_held();
    let since = Instant::now();
    lab.host().freeze_ssh();
    lab.is_unreachable("timed out");
    lab.release();
    meanwhile();
    lab.is_unreachable("timed out");
    lab.host().thaw_ssh();
    Answer::of(&run.wait(), since)
}

fn frozen_for_good(lab: &Lab) -> Answer {
    lab.meets(|_| {
        lab.host().freeze_ssh();
        lab.is_unreachable("timed out");
    })
}

fn stopped(lab: &Lab) -> Answer {
    lab.meets(|_| {
        lab.host().stop_sshd();
        lab.is_unreachable("refused");
    })
}

fn restarted(lab: &Lab) -> Answer {
    let run = lab.start_held();
    let since = Instant::now();
    lab.host().stop_sshd();
    drop(lab.host().run(["pkill", "-KILL", "^sshd"]));
    lab.is_unreachable("refused");
    lab.release();
    thread::sleep(Duration::from_secs(1));
    lab.host().start_sshd();
    Answer::of(&run.wait(), since)
}

/// The activation itself does it, and that of the previous version undoes it.
fn unreachable_by_itself(lab: &Lab, why: &str) -> Answer {
    let mut run = lab.start();
    run.wait_until("the activation has run", |_| {
        lab.state().running.as_deref() == Some(VERSIONS[1])
    });
    let since = Instant::now();
    // The listener takes a moment to start anew.
    thread::sleep(Duration::from_millis(500));
    lab.is_unreachable(why);
    Answer::of(&run.wait(), since)
}
