//! Confirming: in time, late, by strangers, again and again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use deploy::protocol::{
    ActivationRequest, ActivationResult, AgentCommand, ConfirmReply, FailureReason, Phase,
    parse_line,
};

use super::bed::{Bed, agent_program, done, new_run, present};

#[test]
fn without_a_confirmation_it_goes_back_by_itself() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = bed.magic(&two, 1);
    let mut call = bed.start(&request);
    assert!(call.wait_for_waiting());
    assert_eq!(bed.active().as_deref(), Some("two"));
    let begin = Instant::now();
    let reason = FailureReason::NotConfirmed { seconds: 1 };
    let state = present(1, &one, 1);
    assert_eq!(
        call.result(),
        ActivationResult::RolledBack { reason, state }
    );
    assert!(
        begin.elapsed() < Duration::from_millis(2500),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(bed.world(), before);
    assert_eq!(bed.confirm(&request.run), ConfirmReply::Ended);
    // Nothing that is left over confirms the next one.
    let again = bed.magic(&two, 1);
    assert!(matches!(
        bed.start(&again).result(),
        ActivationResult::RolledBack { .. }
    ));
    assert_eq!(bed.world(), before);
}

#[test]
fn too_early_is_told_and_harmless() {
    let bed = Bed::new();
    let request = bed.magic(&bed.closure("one", "sleep 0.5"), 1);
    assert_eq!(bed.confirm(&request.run), ConfirmReply::Ended);
    let mut call = bed.start(&request);
    assert!(call.wait_for_phase(Phase::Activating));
    assert_eq!(bed.confirm(&request.run), ConfirmReply::NotWaiting);
    assert!(call.wait_for_waiting());
    assert_eq!(bed.confirm(&new_run()), ConfirmReply::Ended);
    assert!(matches!(call.result(), ActivationResult::RolledBack { .. }));
}

#[test]
fn confirming_twice_is_as_good_as_once() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    let request = bed.magic(&one, 30);
    let mut call = bed.start(&request);
    assert!(call.wait_for_waiting());
    for _ in 0..3 {
        assert_eq!(bed.confirm(&request.run), ConfirmReply::Confirmed);
    }
    assert_eq!(call.result(), done(present(1, &one, 1)));
}

#[test]
fn a_stranger_cannot_confirm() {
    for in_temp_path in [false, true] {
        let bed = Bed::new();
        let one = bed.closure("one", "");
        fs::set_permissions(bed.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        let temp = bed.path("tmp");
        fs::create_dir(&temp).unwrap();
        fs::set_permissions(&temp, fs::Permissions::from_mode(0o1777)).unwrap();
        let agent = bed.path("activate");
        fs::copy(agent_program(), &agent).unwrap();
        let request = ActivationRequest {
            temp_path: in_temp_path.then(|| temp.to_str().unwrap().parse().unwrap()),
            ..bed.magic(&one, 1)
        };
        let mut call = bed.start(&request);
        assert!(call.wait_for_waiting());
        let folder = bed.journal().confirm_folder.unwrap();
        let expected = if in_temp_path {
            temp.join(format!("deploy-confirm-{}", request.run))
        } else {
            bed.state_folder().join(format!("confirm-{}", request.run))
        };
        assert_eq!(expected.to_str(), Some(folder.as_str()));
        let command = AgentCommand::Confirm {
            run: request.run.clone(),
            profile_path: bed.profile.clone(),
        };
        let stranger = |program: &str| {
            let mut command = bed.nix("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
            command
        };
        let touched = stranger("touch")
            .arg(format!("{folder}/confirmed"))
            .output()
            .unwrap();
        assert!(!touched.status.success());
        let output = stranger(agent.to_str().unwrap())
            .args(command.arguments())
            .output()
            .unwrap();
        let reply = parse_line(String::from_utf8(output.stdout).unwrap().trim()).unwrap();
        let ConfirmReply::Failed { reason } = reply else {
            panic!("{reply:?}")
        };
        assert!(reason.contains("Permission denied"), "{reason}");
        assert!(matches!(call.result(), ActivationResult::RolledBack { .. }));
        assert!(!expected.exists());
    }
}
