//! Confirmations that are none, and real ones that dawdle.

use std::env;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use deploy::protocol::{ActivationResult, ConfirmReply};

use crate::lab::{Answer, Lab};
use crate::local::Bed;
use crate::registry::{Confirm, Fault, Wait};
use crate::scene::path_of;
use crate::state::{PROFILE, agent_folder};

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        confirm_timeout: 8,
        after: |lab| lab.host().thaw_ssh(),
        ..Fault::new("confirmation-left-over", &[Wait], left_over)
    },
    Fault {
        host: |settings| settings.user("bob"),
        confirm_timeout: 8,
        after: |lab| lab.host().thaw_ssh(),
        ..Fault::new("confirmation-of-a-stranger", &[Wait], by_a_stranger)
    },
    Fault::new("slow-confirm", &[Confirm], slowly),
];

fn left_over(lab: &Lab) -> Answer {
    let other = format!(
        "{}/confirm-00000000000000000000000000000000",
        agent_folder()
    );
    let leave = format!("mkdir -p -m 700 {other}; : > {other}/confirmed; : > /tmp/deploy-confirm");
    lab.host().shell(&leave).success();
    lab.meets(|_| {
        lab.host().freeze_ssh();
        lab.is_unreachable("timed out");
        lab.host().shell(&leave).success();
    })
}

fn by_a_stranger(lab: &Lab) -> Answer {
    lab.meets(|_| {
        lab.host().freeze_ssh();
        lab.is_unreachable("timed out");
        let as_bob = |script: &str| {
            let command = lab.host().command(["sh", "-c", script, &agent_folder()]);
            command.user("bob").run()
        };
        let run = as_bob("ls -d \"$0\"/confirm-*");
        assert_eq!(run.stdout.lines().count(), 1, "{run}");
        let touch = as_bob("folder=$(echo \"$0\"/confirm-*); touch \"$folder/confirmed\"");
        assert!(touch.stderr.contains("Permission denied"), "{touch}");
        let agent = "readlink /proc/$(pgrep -o -f ' supervise [{]')/exe";
        let agent = lab.host().shell(agent).success();
        let script = format!(
            "folder=$(echo \"$0\"/confirm-*); exec {} confirm \"${{folder##*confirm-}}\" {}",
            agent.text(),
            path_of(PROFILE)
        );
        let confirm = as_bob(&script);
        assert!(confirm.stdout.contains("Permission denied"), "{confirm}");
    })
}

/// Against the agent itself, without SSH; the host shows that the last one is no special case.
fn slowly(lab: &Lab) -> Answer {
    let rounds = match env::var("DEPLOY_FAULTS") {
        Ok(chosen) if chosen == "all" => 1000,
        _ => 200,
    };
    let bed = Bed::new();
    let closures = [bed.closure("one", ":"), bed.closure("two", ":")];
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        let request = bed.magic(&closures[usize::from(round % 2 == 1)], 5);
        let mut call = bed.start(&request);
        assert!(call.wait_for_waiting());
        thread::sleep(Duration::from_micros(round * 7919 % 50_000));
        let begin = Instant::now();
        assert_eq!(
            bed.confirm(&request.run),
            ConfirmReply::Confirmed,
            "round {round}"
        );
        slowest = slowest.max(begin.elapsed());
        let result = call.result();
        assert!(
            matches!(result, ActivationResult::Done { .. }),
            "round {round}: {result:?}"
        );
    }
    let events = fs::read_dir(bed.state_folder()).unwrap().filter(|file| {
        let path = file.as_ref().unwrap().path();
        path.extension().is_some_and(|end| end == "events")
    });
    assert!(events.count() <= 10, "the records of old runs go");
    let output = lab.start().wait();
    Answer {
        waited: Some(slowest),
        ..Answer::of(&output, Instant::now())
    }
}
