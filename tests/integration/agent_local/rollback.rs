//! What goes wrong, and that everything is as before then.

use std::fs;
use std::time::{Duration, Instant};

use deploy::model::ProfileState;
use deploy::protocol::{ActivationRequest, ActivationResult, FailureReason, Phase};

use super::bed::{Bed, done, is_taken_back, new_run, present};

fn exited(state: ProfileState) -> ActivationResult {
    let reason = FailureReason::Exited { status: 7 };
    ActivationResult::RolledBack { reason, state }
}

#[test]
fn a_failed_activation_leaves_everything_as_it_was() {
    let bed = Bed::new();
    let (one, bad) = (bed.closure("one", ""), bed.closure("bad", "exit 7"));
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    for _ in 0..3 {
        assert_eq!(bed.deploy(&bed.request(&bad)), exited(present(1, &one, 1)));
        assert_eq!(bed.world(), before);
    }
    assert_eq!(bed.journal().phase, Phase::RolledBack);
}

#[test]
fn the_recorded_generation_not_the_one_before_the_newest() {
    let bed = Bed::new();
    let all: Vec<_> = (1..=5).map(|n| bed.closure(&format!("g{n}"), "")).collect();
    let bad = bed.closure("bad", "exit 7");
    for path in &all {
        bed.set_by_hand(path);
    }
    // Gaps, and a person who went back two generations.
    bed.nix_env(&["--delete-generations", "4"]);
    bed.nix_env(&["--switch-generation", "2"]);
    fs::write(bed.path("active"), "g2").unwrap();
    let before = bed.world();
    assert_eq!(
        bed.deploy(&bed.request(&bad)),
        exited(present(2, &all[1], 5))
    );
    assert_eq!(bed.world(), before);
}

#[test]
fn a_taken_up_generation_is_not_deleted() {
    let bed = Bed::new();
    let (one, bad) = (bed.closure("one", ""), bed.closure("bad", "exit 7"));
    bed.set_by_hand(&one);
    bed.set_by_hand(&bad);
    bed.nix_env(&["--switch-generation", "1"]);
    fs::write(bed.path("active"), "one").unwrap();
    let before = bed.world();
    assert_eq!(bed.deploy(&bed.request(&bad)), exited(present(1, &one, 2)));
    assert_eq!(bed.world(), before);
}

#[test]
fn the_same_closure_that_fails_again_loses_nothing() {
    let bed = Bed::new();
    let (zero, one) = (
        bed.closure("zero", ""),
        bed.closure("one", "test ! -e broken || exit 7"),
    );
    bed.deploy(&bed.request(&zero));
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    fs::write(bed.path("broken"), "").unwrap();
    let request = ActivationRequest {
        reactivate: true,
        ..bed.magic(&one, 30)
    };
    let result = bed.deploy(&request);
    let ActivationResult::RollbackFailed {
        reason,
        detail,
        state,
    } = result
    else {
        panic!("{result:?}")
    };
    assert_eq!(reason, FailureReason::Exited { status: 7 });
    assert!(detail.contains("what was there before"), "{detail}");
    assert_eq!(state, present(2, &one, 2));
    assert_eq!(bed.world(), before);
    // Nothing needs to be cleaned up: the next one activates, although the link is there already.
    fs::remove_file(bed.path("broken")).unwrap();
    assert_eq!(bed.deploy(&bed.request(&one)), done(present(2, &one, 2)));
    assert_eq!(bed.history().len(), 5);
}

#[test]
fn a_failed_first_deployment_leaves_nothing() {
    let bed = Bed::new();
    let bad = bed.closure("bad", "exit 7");
    let result = bed.deploy(&bed.request(&bad));
    assert_eq!(
        result,
        exited(ProfileState::Absent {
            highest_generation: None
        })
    );
    let world = bed.world();
    assert_eq!((world.link, world.generations.len()), (None, 0));
    let one = bed.closure("one", "");
    assert_eq!(bed.deploy(&bed.request(&one)), done(present(1, &one, 1)));
}

#[test]
fn an_activation_that_hangs_is_ended_with_all_its_children() {
    let bed = Bed::new();
    let (one, bad) = (
        bed.closure("one", ""),
        bed.closure("bad", "(sleep 8; echo late > active) & sleep 60"),
    );
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = ActivationRequest {
        activation_timeout: Some(1),
        ..bed.magic(&bad, 30)
    };
    let begin = Instant::now();
    let reason = FailureReason::TimedOut { seconds: 1 };
    let state = present(1, &one, 1);
    assert_eq!(
        bed.deploy(&request),
        ActivationResult::RolledBack { reason, state }
    );
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
    std::thread::sleep(Duration::from_secs(8).saturating_sub(begin.elapsed()));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(bed.world(), before);
}

#[test]
fn children_with_sessions_of_their_own_are_ended_too() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    let escapes = "setsid sh -c 'setsid sleep 77 & echo $! > escaped; exec sleep 88' & sleep 60";
    let bad = bed.closure("bad", escapes);
    bed.deploy(&bed.request(&one));
    let request = ActivationRequest {
        activation_timeout: Some(1),
        ..bed.magic(&bad, 30)
    };
    bed.deploy(&request);
    let escaped = std::fs::read_to_string(bed.path("escaped")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", escaped.trim()));
    // Nobody may have reaped it yet.
    assert!(
        stat.as_deref().is_ok_and(|stat| stat.contains(") Z ")) || stat.is_err(),
        "{stat:?}"
    );
}

#[test]
fn an_activation_that_ignores_sigterm_is_killed() {
    let bed = Bed::new();
    let (one, bad) = (
        bed.closure("one", ""),
        bed.closure("bad", "trap '' TERM; while :; do sleep 0.2; done"),
    );
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = ActivationRequest {
        activation_timeout: Some(1),
        ..bed.request(&bad)
    };
    let begin = Instant::now();
    assert!(matches!(
        bed.deploy(&request),
        ActivationResult::RolledBack { .. }
    ));
    assert!(
        begin.elapsed() < Duration::from_secs(9),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(bed.world(), before);
}

#[test]
fn a_killed_activation_is_rolled_back_and_its_children_end() {
    let bed = Bed::new();
    let (one, bad) = (
        bed.closure("one", ""),
        bed.closure("bad", "(sleep 1; echo late > active) & kill -9 $$"),
    );
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let reason = FailureReason::Killed { signal: 9 };
    let state = present(1, &one, 1);
    assert_eq!(
        bed.deploy(&bed.request(&bad)),
        ActivationResult::RolledBack { reason, state }
    );
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(bed.world(), before);
}

#[test]
fn a_link_that_is_no_generation_is_restored_as_text() {
    let bed = Bed::new();
    let (one, bad) = (bed.closure("one", ""), bed.closure("bad", "exit 7"));
    bed.link_by_hand(one.as_str());
    let before = bed.world();
    let result = bed.deploy(&bed.request(&bad));
    is_taken_back(&result);
    let after = bed.world();
    assert_eq!(
        (after.link, after.generations),
        (before.link, before.generations)
    );
    assert_eq!(after.active.as_deref(), Some("one"));
}

#[test]
fn generations_of_other_tools_are_activated_their_way() {
    for (file, script) in [
        (
            "bin/switch-to-configuration",
            "test \"$1\" = switch && echo switched > active",
        ),
        ("activate", "echo switched > active"),
    ] {
        let bed = Bed::new();
        let (old, bad) = (
            bed.closure_with(file, "old", script),
            bed.closure("bad", "exit 7"),
        );
        bed.set_by_hand(&old);
        assert_eq!(bed.deploy(&bed.request(&bad)), exited(present(1, &old, 1)));
        assert_eq!(bed.active().as_deref(), Some("switched"), "{file}");
    }
    let bed = Bed::new();
    let (old, bad) = (
        bed.closure_with("readme", "old", ""),
        bed.closure("bad", "exit 7"),
    );
    bed.set_by_hand(&old);
    let mut call = bed.start(&bed.request(&bad));
    assert_eq!(call.result(), exited(present(1, &old, 1)));
    assert!(
        call.output()
            .iter()
            .any(|line| line.contains("no activation")),
        "{:?}",
        call.output()
    );
}

#[test]
fn a_previous_generation_that_fails_is_told_loudly() {
    let bed = Bed::new();
    let (one, bad) = (
        bed.closure("one", "test ! -e broken"),
        bed.closure("bad", "exit 7"),
    );
    bed.deploy(&bed.request(&one));
    fs::write(bed.path("broken"), "").unwrap();
    let before = bed.world();
    let result = bed.deploy(&bed.request(&bad));
    let ActivationResult::RollbackFailed { detail, state, .. } = result else {
        panic!("{result:?}")
    };
    assert!(detail.contains("exited with status 1"), "{detail}");
    assert_eq!(state, present(1, &one, 1));
    assert_eq!(bed.world(), before);
    assert_eq!(bed.journal().phase, Phase::RollbackFailed);
    let two = bed.closure("two", "");
    assert_eq!(bed.deploy(&bed.request(&two)), done(present(2, &two, 2)));
}

#[test]
fn without_auto_rollback_a_failure_stays() {
    let bed = Bed::new();
    let (one, bad) = (bed.closure("one", ""), bed.closure("bad", "exit 7"));
    bed.deploy(&bed.request(&one));
    let request = ActivationRequest {
        auto_rollback: false,
        ..bed.magic(&bad, 30)
    };
    let result = bed.deploy(&request);
    let reason = FailureReason::Exited { status: 7 };
    let state = present(2, &bad, 2);
    assert_eq!(result, ActivationResult::LeftFailed { reason, state });
    assert_eq!(bed.journal().phase, Phase::LeftFailed);
    let two = bed.closure("two", "");
    assert_eq!(bed.deploy(&bed.request(&two)), done(present(3, &two, 3)));
}

#[test]
fn a_profile_that_cannot_be_set_is_as_before() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = bed.request(&two);
    fs::create_dir(bed.path("bin")).unwrap();
    let fake = bed.path("bin/nix-env");
    fs::write(&fake, "#!/bin/sh\necho error: no luck >&2\nexit 1\n").unwrap();
    fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bed.path("bin").display());
    let command = deploy::protocol::AgentCommand::Start(Box::new(request));
    let mut call = super::bed::Call::begin(bed.agent(&command).env("PATH", path));
    let result = call.result();
    let ActivationResult::RolledBack {
        reason: FailureReason::SetProfile { detail },
        ..
    } = result
    else {
        panic!("{result:?}")
    };
    assert!(detail.contains("no luck"), "{detail}");
    assert_eq!(bed.world(), before);
    assert_eq!(bed.history(), ["one"]);
}

#[test]
fn a_run_is_taken_back_as_a_whole_once() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = bed.magic(&two, 30);
    assert_eq!(bed.deploy(&request), done(present(2, &two, 2)));
    let back = ActivationResult::RolledBack {
        reason: FailureReason::Revoked,
        state: present(1, &one, 1),
    };
    assert_eq!(bed.revoke(&request.run), back);
    assert_eq!(bed.world(), before);
    // Asked again, it tells the same and does nothing.
    assert_eq!(bed.revoke(&request.run), back);
    assert_eq!(bed.history(), ["one", "two", "one"]);
}

#[test]
fn a_run_is_not_taken_back_from_what_others_made() {
    let bed = Bed::new();
    let (one, two, three) = (
        bed.closure("one", ""),
        bed.closure("two", ""),
        bed.closure("three", ""),
    );
    bed.deploy(&bed.request(&one));
    let request = bed.request(&two);
    bed.deploy(&request);
    bed.set_by_hand(&three);
    let before = bed.world();
    let stale = ActivationResult::Stale {
        found: present(3, &three, 3),
    };
    assert_eq!(bed.revoke(&request.run), stale);
    assert_eq!(bed.revoke(&new_run()), stale);
    assert_eq!(bed.world(), before);
    let elsewhere = Bed::new();
    let found = ProfileState::Absent {
        highest_generation: None,
    };
    assert_eq!(
        elsewhere.revoke(&request.run),
        ActivationResult::Stale { found }
    );
}
