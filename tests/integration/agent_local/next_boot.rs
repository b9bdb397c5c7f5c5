//! What is prepared for the next boot: set, and activated by nobody.

use deploy::model::StorePath;
use deploy::protocol::{ActivationRequest, ActivationResult, FailureReason, Phase};

use super::bed::{Bed, is_taken_back, present};
use super::systems::with_one;

/// A request that asks for a confirmation, which no boot can give.
fn for_next_boot(bed: &Bed, target: &StorePath) -> ActivationRequest {
    ActivationRequest {
        next_boot: true,
        ..bed.magic(target, 30)
    }
}

#[test]
fn a_system_is_set_and_booted_next_and_nothing_runs() {
    let (bed, _, before) = with_one();
    let two = bed.system("two", "");
    let mut call = bed.start(&for_next_boot(&bed, &two));
    let state = present(2, &two, 2);
    assert_eq!(call.result(), ActivationResult::Prepared { state });
    let phases = [
        Phase::Prepared,
        Phase::Setting,
        Phase::Activating,
        Phase::Confirmed,
    ];
    assert_eq!(call.phases(), phases);
    assert_eq!(bed.calls(), ["two boot app-2-link"]);
    let after = bed.node();
    assert_eq!(after.boots.as_deref(), Some("two"));
    assert_eq!(after.runs, before.runs);
    assert_eq!(after.world.active, before.world.active);
}

#[test]
fn a_boot_entry_that_cannot_be_written_leaves_everything_as_it_was() {
    let (bed, one, before) = with_one();
    let two = bed.system("two", "[ $1 != boot ] || { echo two > boots; exit 1; }");
    let result = bed.deploy(&for_next_boot(&bed, &two));
    let reason = FailureReason::Exited { status: 1 };
    let state = present(1, &one, 1);
    assert_eq!(result, ActivationResult::RolledBack { reason, state });
    assert_eq!(bed.node(), before);
    assert_eq!(bed.calls(), ["two boot app-2-link", "one boot app-1-link"]);
}

#[test]
fn what_was_prepared_can_be_taken_back() {
    let (bed, _, before) = with_one();
    let request = for_next_boot(&bed, &bed.system("two", ""));
    bed.deploy(&request);
    let result = bed.revoke(&request.run);
    is_taken_back(&result);
    assert_eq!(bed.node(), before);
}

/// A reset boots what the boot loader has; what nobody vouched for must not go on running.
#[test]
fn a_system_that_was_booted_before_it_was_prepared_goes_back() {
    let (bed, _, before) = with_one();
    let request = for_next_boot(&bed, &bed.system("two", ""));
    bed.start_with_faults(&request, "activated=kill").result();
    bed.boot();
    assert_eq!(bed.node().world.active.as_deref(), Some("two"));
    bed.recover(&super::bed::new_run()).result();
    assert_eq!(bed.node(), before);
}

#[test]
fn closures_of_deploy_rs_are_told_by_their_variable() {
    let bed = Bed::new();
    let script = "echo \"$BOOT $DRY_ACTIVATE $PROFILE\" > asked";
    let one = bed.closure("one", script);
    let result = bed.deploy(&for_next_boot(&bed, &one));
    let state = present(1, &one, 1);
    assert_eq!(result, ActivationResult::Prepared { state });
    let asked = std::fs::read_to_string(bed.path("asked")).unwrap();
    assert_eq!(asked.trim(), format!("1 0 {}", bed.profile));
    // Going back asks the earlier one for the same.
    let two = bed.closure("two", "exit 1");
    let result = bed.deploy(&for_next_boot(&bed, &two));
    is_taken_back(&result);
    assert_eq!(bed.history(), ["one", "two", "one"]);
    let asked = std::fs::read_to_string(bed.path("asked")).unwrap();
    assert!(asked.starts_with("1 0 "), "{asked}");
}

#[test]
fn a_bare_system_is_asked_to_boot() {
    let bed = Bed::new();
    let script = "#!/bin/sh\necho \"$1\" > \"$PROFILE.asked\"";
    let one = bed.derivation("bin/switch-to-configuration", "one", script);
    let state = present(1, &one, 1);
    let result = bed.deploy(&for_next_boot(&bed, &one));
    assert_eq!(result, ActivationResult::Prepared { state });
    let asked = std::fs::read_to_string(format!("{}.asked", bed.profile)).unwrap();
    assert_eq!(asked.trim(), "boot");
}

#[test]
fn what_only_activates_at_once_is_refused() {
    let bed = Bed::new();
    let before = bed.world();
    let one = bed.closure_with("activate", "one", "");
    let ActivationResult::NotStarted { reason } = bed.deploy(&for_next_boot(&bed, &one)) else {
        panic!("it began")
    };
    assert!(reason.contains("cannot be prepared for the next boot"));
    assert_eq!(bed.world(), before);
}
