//! `activate recover RUN PROFILE`: finishing what an agent that died has left, and nothing else.

use deploy::model::Generation;
use deploy::protocol::{
    ActivationRequest, ActivationResult, AgentMessage, FailureReason, Phase, Recovery,
};

use super::bed::{Bed, done, new_run, present};

#[test]
fn with_nothing_pending_nothing_is_changed() {
    let bed = Bed::new();
    let absent = bed.read();
    assert_eq!(
        bed.recover(&new_run()).result(),
        ActivationResult::AlreadyDone { state: absent }
    );
    assert!(!bed.state_folder().exists());
    let one = bed.closure("one", "");
    bed.deploy(&bed.request(&one));
    let files = || std::fs::read_dir(bed.state_folder()).unwrap().count();
    let (before, count) = (bed.world(), files());
    let state = present(1, &one, 1);
    assert_eq!(
        bed.recover(&new_run()).result(),
        ActivationResult::AlreadyDone { state }
    );
    assert_eq!((bed.world(), files()), (before, count));
}

/// What a crash has left is taken back before anything else is done.
#[test]
fn what_is_pending_is_taken_back_and_told() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = bed.magic(&bed.closure("two", ""), 30);
    bed.start_with_faults(&request, "waiting=kill").result();
    assert_ne!(bed.world(), before);
    let mut call = bed.recover(&new_run());
    let state = present(1, &one, 1);
    assert_eq!(call.result(), ActivationResult::AlreadyDone { state });
    let recovered = AgentMessage::Recovered {
        run: request.run.clone(),
        operator: request.operator.clone(),
        recovery: Recovery::RolledBack,
    };
    assert!(call.messages.contains(&recovered), "{:?}", call.messages);
    assert_eq!(bed.world(), before);
}

#[test]
fn a_live_run_is_nobodys_business() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    let request = bed.magic(&one, 30);
    let mut call = bed.start(&request);
    assert!(call.wait_for_waiting());
    let result = bed.recover(&new_run()).result();
    let ActivationResult::Locked {
        holder: Some(holder),
    } = result
    else {
        panic!("{result:?}")
    };
    assert_eq!(holder.run, request.run);
    bed.confirm(&request.run);
    assert_eq!(call.result(), done(present(1, &one, 1)));
}

#[test]
fn a_recovery_that_fails_says_so() {
    let bed = Bed::new();
    let one = bed.closure("one", "test ! -e broken");
    bed.deploy(&bed.request(&one));
    let request = bed.magic(&bed.closure("two", ""), 30);
    bed.start_with_faults(&request, "waiting=kill").result();
    std::fs::write(bed.path("broken"), "").unwrap();
    let result = bed.recover(&new_run()).result();
    let ActivationResult::RollbackFailed { reason, state, .. } = result else {
        panic!("{result:?}")
    };
    let phase = Phase::Waiting;
    assert_eq!(reason, FailureReason::Interrupted { phase });
    assert_eq!(state, present(1, &one, 1));
}

/// Demand B7, B8: to a generation by its number, gaps and all; none is made.
#[test]
fn an_existing_generation_is_switched_to_by_its_number() {
    let bed = Bed::new();
    let closures = ["one", "two", "three"].map(|name| bed.closure(name, ""));
    for closure in &closures {
        bed.deploy(&bed.request(closure));
    }
    bed.nix_env(&["--delete-generations", "2"]);
    let before = bed.world();
    let request = ActivationRequest {
        generation: Some(Generation(1)),
        ..bed.magic(&closures[0], 30)
    };
    assert_eq!(bed.deploy(&request), done(present(1, &closures[0], 3)));
    assert_eq!(bed.world().generations, before.generations);
    assert_eq!(bed.active().as_deref(), Some("one"));
}

#[test]
fn a_switch_that_is_not_confirmed_goes_back_and_deletes_nothing() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    for closure in [&one, &two] {
        bed.deploy(&bed.request(closure));
    }
    let before = bed.world();
    let request = ActivationRequest {
        generation: Some(Generation(1)),
        ..bed.magic(&one, 0)
    };
    let result = bed.start(&request).result();
    let reason = FailureReason::NotConfirmed { seconds: 0 };
    let state = present(2, &two, 2);
    assert_eq!(result, ActivationResult::RolledBack { reason, state });
    assert_eq!(bed.world(), before);
}

#[test]
fn a_generation_that_is_another_path_is_refused() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.deploy(&bed.request(&one));
    for number in [1, 7] {
        let request = ActivationRequest {
            generation: Some(Generation(number)),
            ..bed.request(&two)
        };
        let before = bed.world();
        let ActivationResult::NotStarted { reason } = bed.deploy(&request) else {
            panic!()
        };
        assert!(reason.contains("nothing was changed"), "{reason}");
        assert_eq!(bed.world(), before);
    }
}
