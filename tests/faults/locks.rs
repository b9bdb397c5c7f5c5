//! Several operators, dead agents, and the journals that they left.

use std::time::Instant;

use crate::lab::{Answer, Lab};
use crate::registry::{EVERY, Fault, Lock, ON_THE_NODE};
use crate::scene::seen;
use crate::state::{VERSIONS, agent_folder};
use crate::table::Stage;
use crate::testbed::Profile;

pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        confirm_timeout: 20,
        ..Fault::new("two-operators-one-profile", EVERY, second_on_the_same)
    },
    Fault {
        confirm_timeout: 20,
        ..Fault::new("two-operators-two-profiles", EVERY, second_on_another)
    },
    Fault::new("lock-holder-dies", ON_THE_NODE, agent_killed),
    Fault::new("journal-stale", &[Lock], stale_journal),
    Fault {
        after: remove_journal,
        ..Fault::new("journal-corrupt", &[Lock], |lab| {
            with_journal(lab, "{", "is damaged")
        })
    },
    Fault {
        after: remove_journal,
        ..Fault::new("journal-newer", &[Lock], |lab| {
            with_journal(lab, "{\"format_version\": 77}", "has version 77")
        })
    },
];

fn second_on_the_same(lab: &Lab) -> Answer {
    let first = lab.start_held();
    let since = Instant::now();
    let scene = lab.scene(&lab.flake(&[lab.profile(VERSIONS[1])]));
    let answer = Answer::of(&scene.deploy(&["apply", "--yes"]), since);
    lab.release();
    first_ends(lab, first);
    answer
}

fn second_on_another(lab: &Lab) -> Answer {
    let first = lab.start_held();
    let flake = lab.flake(&[Profile::new("other", "1.0")]);
    drop(lab.scene_in("others", &flake).apply());
    assert_eq!(seen(lab.host(), "other").activations, ["1.0"]);
    let since = Instant::now();
    lab.release();
    Answer::of(&first.wait(), since)
}

fn first_ends(lab: &Lab, first: crate::testbed::Running) {
    let code = if lab.stage == Stage::Rollback { 3 } else { 0 };
    drop(first.wait().code(code));
}

fn agent_killed(lab: &Lab) -> Answer {
    lab.meets(|_| {
        let agents = ["pkill", "-KILL", "-f", " supervise [{]"];
        drop(lab.host().run(agents).success());
    })
}

fn stale_journal(lab: &Lab) -> Answer {
    // What the operator calls then to finish it dies as well.
    let faults = "export DEPLOY_AGENT_FAULT=waiting=kill,ended=kill\n";
    lab.host().write("/run/fault/env", faults);
    drop(lab.start().wait().code(3));
    lab.release();
    assert_eq!(lab.state().running.as_deref(), Some(VERSIONS[1]));
    let since = Instant::now();
    let answer = Answer::of(&lab.start().wait(), since);
    assert_eq!(lab.host().activations("app"), ["1.0", "2.0", "1.0", "2.0"]);
    answer
}

fn with_journal(lab: &Lab, text: &str, problem: &str) -> Answer {
    lab.host().write(&journal(), text);
    let since = Instant::now();
    let answer = Answer::of(&lab.start().wait(), since);
    assert!(answer.transcript.contains(problem), "{}", answer.transcript);
    answer
}

/// The one thing that a person has to do, as the message says.
fn remove_journal(lab: &Lab) {
    drop(lab.host().run(["rm", &journal()]).success());
}

fn journal() -> String {
    format!("{}/journal.json", agent_folder())
}
