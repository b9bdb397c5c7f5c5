//! Connections that are lost, late or slow change nothing.

use std::time::{Duration, Instant};

use deploy::protocol::{ActivationResult, AgentMessage, ConfirmReply, Phase};

use super::bed::{Bed, done, eventually, new_run, present};

#[test]
fn the_operator_may_vanish_at_any_time() {
    let bed = Bed::new();
    let one = bed.closure(
        "one",
        "for i in 1 2 3 4 5; do sleep 0.1; echo line $i; done",
    );
    let request = bed.magic(&one, 10);
    let mut call = bed.start(&request);
    assert!(call.wait_for_phase(Phase::Activating));
    call.kill();
    let mut call = bed.attach(&request.run);
    assert!(call.wait_for_waiting());
    assert_eq!(call.output().len(), 6, "{:?}", call.output());
    drop(call);
    assert_eq!(bed.confirm(&request.run), ConfirmReply::Confirmed);
    let mut call = bed.attach(&request.run);
    assert_eq!(call.result(), done(present(1, &one, 1)));
    assert_eq!(call.output().len(), 6);
    assert!(matches!(call.messages[0], AgentMessage::Hello { .. }));
}

#[test]
fn closed_streams_do_not_reach_the_activation() {
    let bed = Bed::new();
    let (one, two) = (
        bed.closure("one", ""),
        bed.closure("two", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done"),
    );
    bed.deploy(&bed.request(&one));
    let request = bed.request(&two);
    let mut call = bed.start(&request);
    assert!(call.step());
    // Drops the pipe while the agent goes on printing into it.
    drop(call);
    let mut call = bed.attach(&request.run);
    assert_eq!(call.result(), done(present(2, &two, 2)));
    assert_eq!(call.output().len(), 7);
}

#[test]
fn attaching_to_what_is_unknown_tells_so() {
    let bed = Bed::new();
    let result = bed.attach(&new_run()).result();
    let ActivationResult::NotStarted { reason } = result else {
        panic!("{result:?}")
    };
    assert!(reason.contains("no record"), "{reason}");
}

#[test]
fn a_hundred_megabytes_of_output_do_not_hold_anything_up() {
    let bed = Bed::new();
    let script = "head -c 100000000 /dev/zero | tr '\\0' 'x' | fold -w 99; echo; echo the end";
    let one = bed.closure("one", script);
    let request = bed.magic(&one, 30);
    let begin = Instant::now();
    let mut call = bed.start(&request);
    assert!(call.wait_for_waiting());
    println!("waiting after {:?}", begin.elapsed());
    assert_eq!(bed.confirm(&request.run), ConfirmReply::Confirmed);
    assert_eq!(call.result(), done(present(1, &one, 1)));
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert_eq!(call.output().last(), Some(&"the end"));
    let log = bed.state_folder().join(format!("{}.log", request.run));
    assert!(log.metadata().unwrap().len() > 100_000_000);
}

#[test]
fn a_slow_reader_hears_of_the_wait_in_time() {
    let bed = Bed::new();
    let one = bed.closure("one", "yes 0123456789 | head -c 30000000");
    let request = bed.magic(&one, 30);
    let mut call = bed.start(&request);
    assert!(call.wait_for_phase(Phase::Activating));
    eventually("it waits", || bed.journal().phase == Phase::Waiting);
    assert!(call.wait_for_waiting());
    assert!(call.output().iter().any(|line| line.contains("left out")));
    assert!(call.output().len() < 200_000, "{}", call.output().len());
    assert_eq!(bed.confirm(&request.run), ConfirmReply::Confirmed);
    assert_eq!(call.result(), done(present(1, &one, 1)));
}

#[test]
fn binary_output_stays_one_message_per_line() {
    let bed = Bed::new();
    let one = bed.closure("one", "printf 'a\\033[2Jb\\377\\nc\\n'");
    let mut call = bed.start(&bed.request(&one));
    assert_eq!(call.result(), done(present(1, &one, 1)));
    assert_eq!(call.output()[1..], ["a\u{1b}[2Jb\u{fffd}", "c"]);
}
