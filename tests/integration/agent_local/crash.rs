//! The supervisor dies at each point, and the next run finds everything it needs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use deploy::protocol::{
    ActivationRequest, ActivationResult, AgentMessage, FailureReason, Phase, Recovery,
};

use super::bed::{Bed, Call, World, done, eventually, present};

fn recovery(call: &Call) -> Option<Recovery> {
    call.messages.iter().find_map(|message| match message {
        AgentMessage::Recovered { recovery, .. } => Some(*recovery),
        _ => None,
    })
}

/// Kills the supervisor at `point` of an update from "one" to "two" (which fails where `fails`),
/// and returns the bed, the world before, and what the follower was told.
fn killed_at(point: &str, fails: bool, confirm_timeout: u64) -> (Bed, World, ActivationResult) {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    let two = bed.closure("two", if fails { "exit 7" } else { "" });
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = bed.magic(&two, confirm_timeout);
    let mut call = bed.start_with_faults(&request, &format!("{point}=kill"));
    let is_late = [
        "confirmed",
        "confirmation-seen",
        "before-confirmed",
        "result",
    ]
    .contains(&point);
    if is_late && call.wait_for_waiting() {
        // The supervisor dies before it can answer.
        let confirm = deploy::protocol::AgentCommand::Confirm {
            run: request.run.clone(),
            profile_path: bed.profile.clone(),
        };
        bed.agent(&confirm).output().unwrap();
    }
    let result = call.result();
    (bed, before, result)
}

#[test]
fn nothing_was_done_yet() {
    for point in [
        "hello",
        "locked",
        "recovered",
        "journal",
        "prepared",
        "before-setting",
    ] {
        let (bed, before, result) = killed_at(point, false, 30);
        let ActivationResult::NotStarted { reason } = result else {
            panic!("{point}: {result:?}")
        };
        assert!(reason.contains("before it changed anything"), "{reason}");
        assert_eq!(bed.world(), before, "{point}");
        let three = bed.closure("three", "");
        let mut call = bed.start(&bed.request(&three));
        assert_eq!(call.result(), done(present(2, &three, 2)), "{point}");
        let expected =
            matches!(point, "prepared" | "before-setting").then_some(Recovery::NothingDone);
        assert_eq!(recovery(&call), expected, "{point}");
    }
}

#[test]
fn every_point_after_the_first_change_is_taken_back_by_the_next_run() {
    for (point, fails) in [
        ("setting", false),
        ("started", false),
        ("set", false),
        ("before-activating", false),
        ("activating", false),
        ("activated", false),
        ("before-waiting", false),
        ("waiting", false),
        ("confirmation-seen", false),
        ("before-confirmed", false),
        ("before-rolling-back", true),
        ("rolling-back", true),
        ("restored", true),
        ("reactivated", true),
        ("deleted", true),
        ("before-rolled-back", true),
    ] {
        let (bed, before, result) = killed_at(point, fails, 30);
        let ActivationResult::RollbackFailed { reason, detail, .. } = &result else {
            panic!("{point}: {result:?}")
        };
        assert!(detail.contains("next deployment"), "{point}: {detail}");
        let is_known = matches!(reason, FailureReason::Interrupted { .. });
        assert!(is_known, "{point}: {reason:?}");
        let interrupted = bed.journal().run;
        // The plan was made from the profile as it is recovered.
        let three = bed.closure("three", "test \"$(cat /proc/$PPID/comm)\" != x");
        let one = fs::read_link(bed.path("profiles/app-1-link")).unwrap();
        let request = ActivationRequest {
            expected: present(1, &one.to_str().unwrap().parse().unwrap(), 1),
            ..bed.request(&three)
        };
        let mut call = bed.start(&request);
        let result = call.result();
        assert_eq!(result, done(present(2, &three, 2)), "{point}");
        assert_eq!(recovery(&call), Some(Recovery::RolledBack), "{point}");
        let names: Vec<_> = bed
            .world()
            .generations
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["app-1-link", "app-2-link"], "{point}");
        assert_eq!(before.generations[0], bed.world().generations[0], "{point}");
        // Whoever asks for the interrupted run later is told how it ended.
        let late = bed.attach(&interrupted).result();
        assert!(
            matches!(late, ActivationResult::RolledBack { .. }),
            "{point}: {late:?}"
        );
    }
}

#[test]
fn the_recovered_state_is_the_one_from_before() {
    for (point, fails) in [
        ("set", false),
        ("activated", false),
        ("waiting", false),
        ("restored", true),
    ] {
        let (bed, before, _) = killed_at(point, fails, 30);
        // A run that then finds its plan out of date, so that only the recovery changes anything.
        let three = bed.closure("three", "");
        let request = ActivationRequest {
            expected: present(9, &three, 9),
            ..bed.request(&three)
        };
        let result = bed.deploy(&request);
        assert!(
            matches!(result, ActivationResult::Stale { .. }),
            "{point}: {result:?}"
        );
        assert_eq!(bed.world(), before, "{point}");
    }
}

#[test]
fn what_was_confirmed_stays() {
    for point in ["confirmed", "result"] {
        let (bed, _, result) = killed_at(point, false, 30);
        assert!(
            matches!(result, ActivationResult::Done { .. }),
            "{point}: {result:?}"
        );
        assert_eq!(bed.active().as_deref(), Some("two"));
        let three = bed.closure("three", "");
        let mut call = bed.start(&bed.request(&three));
        assert_eq!(call.result(), done(present(3, &three, 3)));
        assert_eq!(recovery(&call), None);
    }
}

#[test]
fn an_activation_that_outlived_its_supervisor_is_ended_first() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    let two = bed.closure("two", "sleep 3; echo late > active");
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = bed.magic(&two, 30);
    let mut call = bed.start_with_faults(&request, "started=sleep:200");
    assert!(call.wait_for(|message| matches!(message, AgentMessage::Output { .. })));
    let journal = bed.journal();
    let killed = bed
        .nix("kill")
        .args(["-9", &journal.agent.pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
    let result = call.result();
    let reason = FailureReason::Interrupted {
        phase: Phase::Activating,
    };
    assert!(
        matches!(&result, ActivationResult::RollbackFailed { reason: found, .. } if *found == reason),
        "{result:?}"
    );
    let stale = ActivationRequest {
        expected: present(9, &two, 9),
        ..bed.request(&two)
    };
    let result = bed.deploy(&ActivationRequest {
        reactivate: true,
        ..stale
    });
    assert!(
        matches!(result, ActivationResult::Stale { .. }),
        "{result:?}"
    );
    std::thread::sleep(Duration::from_millis(3200));
    assert_eq!(bed.world(), before);
}

#[test]
fn a_crash_while_taking_a_run_back_is_finished_by_the_next() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = bed.request(&two);
    bed.deploy(&request);
    let revoke = deploy::protocol::AgentCommand::Revoke {
        run: request.run,
        profile_path: bed.profile.clone(),
    };
    let mut agent = bed.agent(&revoke);
    let result = Call::begin(agent.env("DEPLOY_AGENT_FAULT", "restored=kill")).result();
    assert!(
        matches!(result, ActivationResult::RollbackFailed { .. }),
        "{result:?}"
    );
    let stale = ActivationRequest {
        expected: present(9, &two, 9),
        ..bed.request(&two)
    };
    assert!(matches!(bed.deploy(&stale), ActivationResult::Stale { .. }));
    assert_eq!(bed.world(), before);
}

#[test]
fn the_work_of_a_person_in_between_is_not_undone() {
    let (bed, _, _) = killed_at("waiting", false, 30);
    let repaired = bed.closure("repaired", "");
    bed.set_by_hand(&repaired);
    let three = bed.closure("three", "");
    let mut call = bed.start(&bed.request(&three));
    call.result();
    assert_eq!(recovery(&call), Some(Recovery::Superseded));
    let links = bed.world().generations;
    assert!(
        links.iter().any(|(_, path)| path == repaired.as_str()),
        "{links:?}"
    );
    assert!(
        !bed.history().iter().skip(2).any(|name| name == "one"),
        "{:?}",
        bed.history()
    );
}

#[test]
fn a_journal_that_is_not_understood_stops_everything() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let journal = bed.state_folder().join("journal.json");
    for (text, problem) in [("{", "damaged"), ("{\"format_version\": 77}", "version 77")] {
        fs::write(&journal, text).unwrap();
        let result = bed.deploy(&bed.request(&two));
        let ActivationResult::NotStarted { reason } = result else {
            panic!("{result:?}")
        };
        assert!(reason.contains(problem), "{reason}");
        assert!(reason.contains(journal.to_str().unwrap()), "{reason}");
        assert!(reason.contains("remove that file"), "{reason}");
        assert_eq!(bed.world(), before);
    }
    fs::remove_file(&journal).unwrap();
    assert_eq!(bed.deploy(&bed.request(&two)), done(present(2, &two, 2)));
}

#[test]
fn a_supervisor_of_another_boot_is_not_looked_for() {
    let (bed, _, _) = killed_at("activating", false, 30);
    let mut journal = bed.journal();
    journal.boot_id = Some("another".into());
    // Were it looked for, this test would be ended.
    journal.activation = Some(deploy::protocol::ActivationProcess::Group {
        leader: deploy::protocol::ProcessIdentity {
            pid: std::process::id(),
            start_time: start_time(),
        },
        cgroup: None,
    });
    let text = serde_json::to_string(&journal).unwrap();
    fs::write(bed.state_folder().join("journal.json"), text).unwrap();
    let three = bed.closure("three", "");
    let mut call = bed.start(&bed.request(&three));
    call.result();
    assert_eq!(recovery(&call), Some(Recovery::RolledBack));
}

fn start_time() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    fields.split_whitespace().nth(19).unwrap().parse().unwrap()
}

#[test]
fn a_lost_follower_finds_its_dead_run() {
    let (bed, _, _) = killed_at("waiting", false, 30);
    let run = bed.journal().run;
    let result = bed.attach(&run).result();
    assert!(
        matches!(result, ActivationResult::RollbackFailed { .. }),
        "{result:?}"
    );
    assert!(Path::new(bed.profile.as_str()).exists());
    eventually("it is told quickly", || true);
}

#[test]
fn a_recovery_that_fails_is_told_and_the_run_after_it_works() {
    let bed = Bed::new();
    let one = bed.closure("one", "test ! -e broken");
    bed.deploy(&bed.request(&one));
    let request = bed.magic(&bed.closure("two", ""), 30);
    bed.start_with_faults(&request, "waiting=kill").result();
    fs::write(bed.path("broken"), "").unwrap();
    let three = bed.closure("three", "");
    let result = bed.deploy(&bed.request(&three));
    let ActivationResult::NotStarted { reason } = result else {
        panic!("{result:?}")
    };
    assert!(
        reason.contains("could not be taken back completely"),
        "{reason}"
    );
    assert_eq!(
        bed.deploy(&bed.request(&three)),
        done(present(2, &three, 2))
    );
}
