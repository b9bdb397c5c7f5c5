//! NixOS systems: tried and confirmed first, made permanent afterwards.

use std::fs;
use std::process::Command;

use deploy::model::OnDegraded;
use deploy::protocol::{
    ActivationRequest, ActivationResult, AgentCommand, AgentMessage, ConfirmReply, FailureReason,
    Phase, Recovery,
};

use super::bed::{Bed, Call, done, is_taken_back, new_run, present};
use super::systems::with_one;

fn recovery(call: &Call) -> Option<Recovery> {
    call.messages.iter().find_map(|message| match message {
        AgentMessage::Recovered { recovery, .. } => Some(*recovery),
        _ => None,
    })
}

/// Demand B12: profile and boot entry are set only when the new system has proved itself.
#[test]
fn profile_and_boot_entry_come_after_the_confirmation() {
    let (bed, one, before) = with_one();
    let two = bed.system("two", "");
    let request = bed.magic(&two, 30);
    let mut call = bed.start(&request);
    assert!(call.wait_for_waiting());
    let text = fs::read_to_string(bed.path("calls")).unwrap();
    assert_eq!(text.trim(), format!("two test app-1-link {two}"));
    let waiting = bed.node();
    assert_eq!(waiting.world.link, before.world.link);
    assert_eq!(waiting.world.generations, before.world.generations);
    assert_eq!(waiting.boots.as_deref(), Some("one"));
    assert_ne!(waiting.runs, before.runs);
    assert_eq!(bed.confirm(&request.run), ConfirmReply::Confirmed);
    assert_eq!(call.result(), done(present(2, &two, 2)));
    assert_eq!(bed.calls(), ["two test app-1-link", "two boot app-2-link"]);
    assert_eq!(bed.node().boots.as_deref(), Some("two"));
    assert_eq!(
        call.phases(),
        [
            Phase::Prepared,
            Phase::Activating,
            Phase::Waiting,
            Phase::Committing,
            Phase::Confirmed
        ]
    );
    // And back to the first generation, by its number.
    let back = ActivationRequest {
        generation: Some(deploy::model::Generation(1)),
        ..bed.magic(&one, 30)
    };
    assert_eq!(bed.deploy(&back), done(present(1, &one, 2)));
    assert_eq!(bed.calls(), ["one test app-2-link", "one boot app-1-link"]);
}

#[test]
fn without_a_confirmation_nothing_but_the_running_system_was_ever_touched() {
    let (bed, one, before) = with_one();
    let two = bed.system("two", "");
    let result = bed.start(&bed.magic(&two, 0)).result();
    let reason = FailureReason::NotConfirmed { seconds: 0 };
    let state = present(1, &one, 1);
    assert_eq!(result, ActivationResult::RolledBack { reason, state });
    assert_eq!(bed.node(), before);
    assert_eq!(bed.calls(), ["two test app-1-link", "one test app-1-link"]);
}

#[test]
fn what_ran_before_need_not_be_what_the_profile_led_to() {
    let (bed, one, _) = with_one();
    // As `nixos-rebuild test` does.
    let tried = bed.system("tried", "");
    let status = bed
        .nix("unshare")
        .args(["--mount", "--propagation=private", "sh", "-c"])
        .arg(format!(
            "mount --bind {} /run && {tried}/bin/switch-to-configuration test",
            bed.path("run").display()
        ))
        .status();
    assert!(status.unwrap().success());
    let before = bed.node();
    assert_eq!(before.world.active.as_deref(), Some("tried"));
    bed.start(&bed.magic(&bed.system("two", "exit 1"), 0))
        .result();
    assert_eq!(bed.node(), before);
    assert_eq!(bed.read(), present(1, &one, 1));
}

#[test]
fn a_first_deployment_that_fails_leaves_no_generation() {
    let bed = Bed::of_systems();
    let before = bed.node();
    let one = bed.system("one", "[ $1 = test ] && exit 1");
    let result = bed.deploy(&bed.magic(&one, 30));
    is_taken_back(&result);
    assert_eq!(bed.node(), before);
}

#[test]
fn without_a_profile_the_node_boots_again_what_ran() {
    let (bed, _, before) = with_one();
    bed.nix_env(&["--delete-generations", "old"]);
    fs::remove_file(bed.path("profiles/app")).unwrap();
    fs::remove_file(bed.path("profiles/app-1-link")).unwrap();
    let request = bed.magic(&bed.system("two", ""), 30);
    bed.deploy(&request);
    assert_eq!(bed.node().boots.as_deref(), Some("two"));
    bed.revoke(&request.run);
    let after = bed.node();
    assert_eq!((after.boots, after.runs), (before.boots, before.runs));
    assert_eq!(after.world.link, None);
    assert_eq!(after.world.generations, []);
}

/// Starts "two" with a supervisor that dies at `point`, confirming where that is awaited.
fn die(bed: &Bed, point: &str) -> ActivationRequest {
    let request = bed.magic(&bed.system("two", ""), 30);
    let mut call = bed.start_with_faults(&request, &format!("{point}=kill"));
    let early = ["prepared", "activating", "started", "activated", "waiting"];
    if !early.contains(&point) && call.wait_for_waiting() {
        let confirm = AgentCommand::Confirm {
            run: request.run.clone(),
            profile_path: bed.profile.clone(),
        };
        bed.agent(&confirm).output().unwrap();
    }
    let result = call.result();
    assert!(
        matches!(
            result,
            ActivationResult::RollbackFailed { .. } | ActivationResult::NotStarted { .. }
        ),
        "{point}: {result:?}"
    );
    request
}

#[test]
fn a_reset_before_the_confirmation_is_on_the_disk_leads_back() {
    for point in [
        "prepared",
        "activating",
        "started",
        "activated",
        "waiting",
        "confirmation-seen",
        "before-committing",
    ] {
        for resets in [false, true] {
            let (bed, one, before) = with_one();
            die(&bed, point);
            let now = bed.node();
            assert_eq!(now.world.link, before.world.link, "{point}");
            assert_eq!(now.world.generations, before.world.generations, "{point}");
            assert_eq!(now.boots, before.boots, "{point}");
            if resets {
                bed.boot();
                assert_eq!(bed.node(), before, "{point}: the old system was booted");
            }
            let mut call = bed.recover(&new_run());
            let state = present(1, &one, 1);
            assert_eq!(call.result(), ActivationResult::AlreadyDone { state });
            assert_eq!(bed.node(), before, "{point}");
        }
    }
}

#[test]
fn a_reset_after_the_confirmation_is_on_the_disk_leads_forward() {
    for point in [
        "committing",
        "committed-set",
        "committed-boot",
        "before-confirmed",
    ] {
        for resets in [false, true] {
            let (bed, _, _) = with_one();
            let request = die(&bed, point);
            assert_eq!(bed.journal().phase, Phase::Committing, "{point}");
            if resets {
                bed.boot();
            }
            let mut call = bed.recover(&new_run());
            let state = present(2, &request.target, 2);
            assert_eq!(
                call.result(),
                ActivationResult::AlreadyDone {
                    state: state.clone()
                }
            );
            assert_eq!(recovery(&call), Some(Recovery::Finished), "{point}");
            let node = bed.node();
            assert_eq!(node.boots.as_deref(), Some("two"), "{point}");
            assert_eq!(node.world.active.as_deref(), Some("two"), "{point}");
            assert_eq!(bed.attach(&request.run).result(), done(state));
            assert!(!bed.state_folder().join("target").exists());
        }
    }
}

#[test]
fn a_boot_entry_that_cannot_be_written_leads_back_with_all() {
    let (bed, one, before) = with_one();
    let two = bed.system("two", "[ $1 = boot ] && echo two > boots && exit 1");
    let result = bed.deploy(&bed.magic(&two, 30));
    let reason = FailureReason::Exited { status: 1 };
    let state = present(1, &one, 1);
    assert_eq!(result, ActivationResult::RolledBack { reason, state });
    // The newest generation may be the loader's default.
    assert_eq!(bed.menu(), ["app-1-link"]);
    assert_eq!(bed.node(), before);
    assert_eq!(
        bed.calls(),
        [
            "two test app-1-link",
            "two boot app-2-link",
            "one boot app-1-link",
            "one test app-1-link"
        ]
    );
}

#[test]
fn going_back_that_dies_at_any_point_is_finished_later() {
    for point in ["rolling-back", "restored", "deleted", "reactivated"] {
        let (bed, _, before) = with_one();
        let two = bed.system("two", "[ $1 = boot ] && echo two > boots && exit 1");
        let request = bed.magic(&two, 30);
        let mut call = bed.start_with_faults(&request, &format!("{point}=kill"));
        assert!(call.wait_for_waiting());
        bed.confirm(&request.run);
        call.result();
        bed.recover(&new_run()).result();
        assert_eq!(bed.node(), before, "{point}");
    }
}

#[test]
fn a_run_that_is_taken_back_is_booted_no_more() {
    let (bed, one, before) = with_one();
    let request = bed.magic(&bed.system("two", ""), 30);
    bed.deploy(&request);
    assert_eq!(bed.node().boots.as_deref(), Some("two"));
    let result = bed.revoke(&request.run);
    let reason = FailureReason::Revoked;
    let state = present(1, &one, 1);
    assert_eq!(result, ActivationResult::RolledBack { reason, state });
    assert_eq!(bed.node(), before);
}

#[test]
fn what_needs_a_reboot_changes_nothing() {
    let (bed, one, before) = with_one();
    let two = bed.system("two", "[ $1 = test ] && exit 100");
    let request = bed.magic(&two, 30);
    let needs_reboot = ActivationResult::NeedsReboot {
        state: present(1, &one, 1),
    };
    assert_eq!(bed.deploy(&request), needs_reboot);
    assert_eq!(bed.node(), before);
    assert_eq!(bed.calls(), ["two test app-1-link"]);
    fs::remove_file(bed.state_folder().join(format!("{}.events", request.run))).unwrap();
    assert_eq!(bed.attach(&request.run).result(), needs_reboot);
}

/// Demand B26: whether failed units take the host back is a setting.
#[test]
fn failed_units_go_back_or_stay() {
    let (bed, one, before) = with_one();
    let script = "case $1 in switch|test) trap 'exit 4' EXIT ;; esac";
    let two = bed.system("two", script);
    let result = bed.deploy(&bed.magic(&two, 30));
    let reason = FailureReason::Degraded { status: 4 };
    let state = present(1, &one, 1);
    assert_eq!(result, ActivationResult::RolledBack { reason, state });
    assert_eq!(bed.node(), before);
    // Twice: the status comes for once also with nothing wrong.
    assert_eq!(
        bed.calls(),
        [
            "two test app-1-link",
            "two test app-1-link",
            "one test app-1-link"
        ]
    );
    let request = ActivationRequest {
        on_degraded: OnDegraded::Keep,
        ..bed.magic(&two, 30)
    };
    let state = present(2, &two, 2);
    let degraded = ActivationResult::Degraded { state };
    assert_eq!(bed.deploy(&request), degraded);
    assert_eq!(bed.node().boots.as_deref(), Some("two"));
    fs::remove_file(bed.state_folder().join(format!("{}.events", request.run))).unwrap();
    assert_eq!(bed.attach(&request.run).result(), degraded);
}

#[test]
fn units_that_failed_for_once_are_no_failure() {
    let (bed, _, _) = with_one();
    let two = bed.system("two", "[ -e tried ] || { touch tried; exit 4; }");
    assert_eq!(bed.deploy(&bed.magic(&two, 30)), done(present(2, &two, 2)));
}

#[test]
fn somebody_elses_generation_is_not_overwritten() {
    let (bed, _, _) = with_one();
    let (two, theirs) = (bed.system("two", ""), bed.system("theirs", ""));
    let request = bed.magic(&two, 30);
    let mut call = bed.start(&request);
    assert!(call.wait_for_waiting());
    bed.set_by_hand(&theirs);
    let by_hand = bed.world();
    bed.confirm(&request.run);
    let ActivationResult::RolledBack { reason, state } = call.result() else {
        panic!("{:?}", call.messages)
    };
    assert!(reason.to_string().contains("somebody else"), "{reason}");
    assert_eq!(state, present(2, &theirs, 2));
    assert_eq!(bed.world().generations, by_hand.generations);
}

/// deploy-rs's closures have no manifest: the profile is set first, and `switch` writes the boot
/// entry before anything is known.
#[test]
fn the_order_of_deploy_rs_goes_back_with_switch() {
    let bed = Bed::of_systems();
    let bare = |name: &str, script: &str| {
        let script = bed.switch_to_configuration(name, script);
        bed.derivation("bin/switch-to-configuration", name, &script)
    };
    let one = bare("one", "");
    bed.deploy(&bed.request(&one));
    let before = bed.node();
    for (status, reason) in [
        (100, FailureReason::NeedsReboot),
        (4, FailureReason::Degraded { status: 4 }),
        (1, FailureReason::Exited { status: 1 }),
    ] {
        let two = bare("two", &format!("echo two > boots; exit {status}"));
        let state = present(1, &one, 1);
        assert_eq!(
            bed.deploy(&bed.magic(&two, 30)),
            ActivationResult::RolledBack { reason, state }
        );
        assert_eq!(bed.menu(), ["app-1-link"]);
        assert_eq!(bed.node(), before);
    }
}

#[test]
fn a_status_of_nixos_means_nothing_elsewhere() {
    let bed = Bed::new();
    bed.deploy(&bed.request(&bed.closure("one", "")));
    for status in [4, 100] {
        let two = bed.closure("two", &format!("exit {status}"));
        let request = ActivationRequest {
            on_degraded: OnDegraded::Keep,
            ..bed.magic(&two, 30)
        };
        let ActivationResult::RolledBack { reason, .. } = bed.deploy(&request) else {
            panic!("{status}")
        };
        assert_eq!(reason, FailureReason::Exited { status });
    }
    assert_eq!(bed.history(), ["one", "two", "one", "two", "one"]);
}

/// What deploy-rs's own client calls.
#[test]
fn without_an_action_the_script_does_what_deploy_rs_does() {
    let (bed, one, _) = with_one();
    let run = |variables: &[(&str, &str)]| {
        let status = Command::new(format!("{one}/deploy-rs-activate"))
            .env("PROFILE", one.as_str())
            .envs(variables.iter().copied())
            .status();
        (status.unwrap().code(), bed.calls())
    };
    let called = |action| (Some(0), vec![format!("one {action} app-1-link")]);
    assert_eq!(run(&[("DRY_ACTIVATE", "1")]), called("dry-activate"));
    assert_eq!(run(&[("BOOT", "1")]), called("boot"));
    let actions = [("DEPLOY_ACTION", "boot"), ("BOOT", "0")];
    assert_eq!(run(&actions), called("boot"));
    assert_eq!(run(&[("DEPLOY_ACTION", "dance")]), (Some(64), vec![]));
}

#[test]
fn an_action_of_the_callers_own_session_means_nothing() {
    let bed = Bed::of_systems();
    let script = bed.switch_to_configuration("one", "");
    let text = format!(
        "{script}\nenv | grep ^DEPLOY_ACTION > {}",
        bed.path("env").display()
    );
    let one = bed.derivation("deploy-rs-activate", "one", &text);
    let command = AgentCommand::Start(Box::new(bed.request(&one)));
    let mut agent = bed.agent(&command);
    let result = Call::begin(agent.env("DEPLOY_ACTION", "boot")).result();
    assert_eq!(result, done(present(1, &one, 1)));
    let env = fs::read_to_string(bed.path("env")).unwrap();
    assert_eq!(env.trim(), "DEPLOY_ACTION=");
}

#[test]
fn a_custom_closure_is_activated_through_its_profile() {
    let bed = Bed::new();
    let expression = r#"
        { repository, script }:
        let
          root = /. + repository;
          pkgs = import (root + "/tests/integration/nix/trivial.nix") { };
          base = pkgs.writeTextFile { name = "app"; destination = "/share/app"; text = "app"; };
        in
        (import (root + "/nix/lib.nix") pkgs).activate.custom base script
    "#;
    let script = format!(
        "test -z \"${{DEPLOY_ACTION:-}}\" && cat $PROFILE/share/app > {}",
        bed.path("active").display()
    );
    let repository = ("repository", env!("CARGO_MANIFEST_DIR"));
    let app = bed.build(expression, &[repository, ("script", &script)]);
    assert_eq!(bed.deploy(&bed.magic(&app, 30)), done(present(1, &app, 1)));
    assert_eq!(bed.active().as_deref(), Some("app"));
    let dry = Command::new(format!("{app}/deploy-rs-activate"))
        .env("DRY_ACTIVATE", "1")
        .output()
        .unwrap();
    let shown = String::from_utf8(dry.stdout).unwrap();
    assert_eq!(fs::read_to_string(shown.trim()).unwrap(), script);
}
