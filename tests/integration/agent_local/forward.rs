//! What goes well, and what is refused before anything is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use deploy::model::{Generation, ProfileState};
use deploy::protocol::{
    ActivationRequest, ActivationResult, AgentCommand, AgentMessage, ConfirmReply, Handshake, Hold,
    PROTOCOL_VERSION, Phase, parse_line,
};

use super::bed::{Bed, Call, agent_program, done, eventually, new_run, present};

#[test]
fn handshake() {
    let answer: Handshake = parse_line(Bed::new().answer(&AgentCommand::Handshake).trim()).unwrap();
    assert_eq!(answer.protocol, PROTOCOL_VERSION);
}

#[test]
fn first_deployment_then_update_then_nothing() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    assert_eq!(
        bed.read(),
        ProfileState::Absent {
            highest_generation: None
        }
    );
    assert_eq!(bed.deploy(&bed.magic(&one, 30)), done(present(1, &one, 1)));
    assert_eq!(bed.active().as_deref(), Some("one"));
    assert_eq!(bed.deploy(&bed.magic(&two, 30)), done(present(2, &two, 2)));
    assert_eq!(bed.active().as_deref(), Some("two"));
    let unchanged = bed.deploy(&bed.magic(&two, 30));
    assert_eq!(
        unchanged,
        ActivationResult::AlreadyDone {
            state: present(2, &two, 2)
        }
    );
    assert_eq!(bed.history(), ["one", "two"]);
    let world = bed.world();
    assert_eq!(world.link.as_deref(), Some("app-2-link"));
    assert_eq!(world.generations.len(), 2, "{world:?}");
}

#[test]
fn the_messages_in_order() {
    let bed = Bed::new();
    let one = bed.closure("one", "echo out; echo err >&2; printf unfinished");
    let request = bed.magic(&one, 30);
    let mut call = bed.start(&request);
    assert!(call.wait_for_waiting());
    assert_eq!(
        call.output(),
        ["activating one", "out", "err", "unfinished"]
    );
    let log = bed.state_folder().join(format!("{}.log", request.run));
    let hello = AgentMessage::Hello {
        protocol: PROTOCOL_VERSION,
        log: log.display().to_string(),
    };
    assert_eq!(call.messages[0], hello);
    assert_eq!(bed.confirm(&request.run), ConfirmReply::Confirmed);
    assert_eq!(call.result(), done(present(1, &one, 1)));
    assert_eq!(
        call.phases(),
        [
            Phase::Prepared,
            Phase::Setting,
            Phase::Activating,
            Phase::Waiting,
            Phase::Confirmed
        ]
    );
    let text = fs::read_to_string(&log).unwrap();
    assert_eq!(text, "activating one\nout\nerr\nunfinished");
}

#[test]
fn the_activation_has_what_deploy_rs_gives() {
    let bed = Bed::new();

    let one = bed.derivation(
        "deploy-rs-activate",
        "env",
        &format!("#!/bin/sh\nPATH=/bin:/usr/bin; readlink /proc/$$/cwd > {0}/cwd\ncd {0}\nenv > env; cat > stdin", bed.path("").display()),
    );
    assert_eq!(bed.deploy(&bed.request(&one)), done(present(1, &one, 1)));
    let env = fs::read_to_string(bed.path("env")).unwrap();
    for line in [
        &format!("PROFILE={}", bed.profile),
        "DRY_ACTIVATE=0",
        "BOOT=0",
        &format!(
            "HOME={}",
            bed.path("").display().to_string().trim_end_matches('/')
        ),
    ] {
        assert!(env.lines().any(|other| other == line), "{line} in {env}");
    }
    assert_eq!(
        fs::read_to_string(bed.path("cwd")).unwrap().trim(),
        one.as_str()
    );
    assert_eq!(fs::read_to_string(bed.path("stdin")).unwrap(), "");
}

#[test]
fn an_older_path_that_is_the_newest_generation_is_taken_up() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.set_by_hand(&one);
    bed.set_by_hand(&two);
    bed.nix_env(&["--switch-generation", "1"]);
    assert_eq!(bed.deploy(&bed.magic(&two, 30)), done(present(2, &two, 2)));
}

#[test]
fn stale_profiles_are_refused_untouched() {
    let bed = Bed::new();
    let (one, two, new) = (
        bed.closure("one", ""),
        bed.closure("two", ""),
        bed.closure("new", ""),
    );
    let at_first = bed.request(&new);
    bed.set_by_hand(&one);
    let at_one = bed.request(&new);
    bed.set_by_hand(&two);
    let at_two = bed.request(&new);
    bed.nix_env(&["--switch-generation", "1"]);
    // The same number and path as in the plan; only the highest number tells.
    for request in [&at_first, &at_one, &at_two] {
        let before = bed.world();
        let found = present(1, &one, 2);
        assert_eq!(bed.deploy(request), ActivationResult::Stale { found });
        assert_eq!(bed.world(), before);
    }
    let unknown = ActivationRequest {
        expected: ProfileState::Unknown {
            reason: "0700".into(),
        },
        ..bed.request(&new)
    };
    assert_eq!(bed.deploy(&unknown), done(present(3, &new, 3)));
    let again = ActivationRequest {
        run: new_run(),
        ..at_one
    };
    assert_eq!(
        bed.deploy(&again),
        ActivationResult::AlreadyDone {
            state: present(3, &new, 3)
        }
    );
    let forced = ActivationRequest {
        run: new_run(),
        reactivate: true,
        ..again
    };
    assert_eq!(
        bed.deploy(&forced),
        ActivationResult::Stale {
            found: present(3, &new, 3)
        }
    );
}

#[test]
fn reactivation_makes_no_generation() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    bed.deploy(&bed.request(&one));
    let before = bed.world();
    let request = ActivationRequest {
        reactivate: true,
        ..bed.magic(&one, 30)
    };
    assert_eq!(bed.deploy(&request), done(present(1, &one, 1)));
    assert_eq!(bed.world(), before);
    assert_eq!(bed.history(), ["one", "one"]);
}

#[test]
fn what_cannot_begin_says_why() {
    let bed = Bed::new();
    let missing = "/nix/store/00000000000000000000000000000000-gone"
        .parse()
        .unwrap();
    let nothing = bed.derivation("readme", "nothing", "text");
    for (target, reason) in [(missing, "Copy it again"), (nothing, "has no activation")] {
        let result = bed.deploy(&bed.request(&target));
        let ActivationResult::NotStarted { reason: found } = result else {
            panic!("{result:?}")
        };
        assert!(
            found.contains(reason) && found.contains("nothing was changed"),
            "{found}"
        );
    }
    assert_eq!(
        bed.read(),
        ProfileState::Absent {
            highest_generation: None
        }
    );
    let mut newer = serde_json::to_value(bed.request(&bed.closure("one", ""))).unwrap();
    newer["protocol"] = 99.into();
    newer["novelty"] = true.into();
    let mut agent = bed.nix(agent_program());
    let result = Call::begin(agent.args(["start", &newer.to_string()])).result();
    let ActivationResult::NotStarted { reason } = result else {
        panic!("{result:?}")
    };
    assert!(reason.contains("protocol 99"), "{reason}");
}

#[test]
fn a_folder_of_somebody_else_is_refused_with_the_reason() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    fs::create_dir_all(bed.path("profiles")).unwrap();
    fs::set_permissions(bed.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let request = bed.request(&one);
    let agent = bed.path("activate");
    fs::copy(agent_program(), &agent).unwrap();
    let mut command = bed.nix("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(agent)
        .args(AgentCommand::Start(Box::new(request)).arguments());
    let result = Call::begin(&mut command).result();
    let ActivationResult::NotStarted { reason } = result else {
        panic!("{result:?}")
    };
    assert!(reason.contains("Permission denied"), "{reason}");
    assert!(
        reason.contains("as the user that owns its folder"),
        "{reason}"
    );
    assert!(!bed.state_folder().exists());
}

#[test]
fn hold_and_release() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    let missing: deploy::model::StorePath = "/nix/store/00000000000000000000000000000000-gone"
        .parse()
        .unwrap();
    let run = new_run();
    let hold = AgentCommand::Hold {
        run: run.clone(),
        paths: vec![one.clone(), missing.clone()],
    };
    for _ in 0..2 {
        let answer: Hold = parse_line(bed.answer(&hold).trim()).unwrap();
        assert_eq!(answer.missing, std::slice::from_ref(&missing));
    }
    let roots = bed
        .nix("nix-store")
        .args(["-q", "--roots", one.as_str()])
        .output()
        .unwrap();
    let roots = String::from_utf8(roots.stdout).unwrap();
    let folder = bed.path(".local/state/deploy/roots").join(run.as_str());
    assert!(roots.contains(folder.to_str().unwrap()), "{roots}");
    assert_eq!(bed.answer(&AgentCommand::Release { run: run.clone() }), "");
    assert_eq!(bed.answer(&AgentCommand::Release { run }), "");
    assert!(!folder.exists());
}

#[test]
fn a_daemon_that_the_activation_leaves_holds_nothing() {
    let bed = Bed::new();
    let one = bed.closure("one", "sleep 30 & echo $! > daemon");
    let two = bed.closure("two", "");
    assert_eq!(bed.deploy(&bed.magic(&one, 30)), done(present(1, &one, 1)));
    assert_eq!(bed.deploy(&bed.magic(&two, 30)), done(present(2, &two, 2)));
    let daemon = fs::read_to_string(bed.path("daemon")).unwrap();
    let process = Path::new("/proc").join(daemon.trim());
    assert!(process.exists(), "a daemon of a good activation lives on");
    let status = bed.nix("kill").arg(daemon.trim()).status().unwrap();
    assert!(status.success());
}

#[test]
fn the_second_of_two_is_told_who_is_there() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", "sleep 1"), bed.closure("two", ""));
    let first = bed.request(&one);
    let second = bed.request(&two);
    let patient = ActivationRequest {
        run: new_run(),
        lock_timeout: 20,
        ..second.clone()
    };
    let mut call = bed.start(&first);
    assert!(call.wait_for_phase(Phase::Activating));
    let result = bed.deploy(&second);
    let ActivationResult::Locked {
        holder: Some(holder),
    } = result
    else {
        panic!("{result:?}")
    };
    assert_eq!((holder.run, holder.operator), (first.run, first.operator));
    // It waits, and then finds that the plan is out of date.
    let found = present(1, &one, 1);
    assert_eq!(bed.deploy(&patient), ActivationResult::Stale { found });
    assert_eq!(call.result(), done(present(1, &one, 1)));
    eventually("the holder is gone", || {
        !bed.state_folder().join("holder.json").exists()
    });
}

#[test]
fn starting_the_same_run_again_follows_the_first() {
    let bed = Bed::new();
    let one = bed.closure("one", "sleep 0.5");
    let request = bed.request(&one);
    let mut first = bed.start(&request);
    let mut second = bed.start(&request);
    assert_eq!(first.result(), done(present(1, &one, 1)));
    assert_eq!(second.result(), done(present(1, &one, 1)));
    assert_eq!(bed.start(&request).result(), done(present(1, &one, 1)));
    assert_eq!(bed.history(), ["one"]);
}

#[test]
fn files_are_readable_but_not_writable_by_others() {
    let bed = Bed::new();
    let request = bed.request(&bed.closure("one", ""));
    bed.deploy(&request);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let folder = bed.state_folder();
    assert_eq!(mode(&folder), 0o755);
    assert_eq!(mode(&folder.join("journal.json")), 0o644);
    assert_eq!(mode(&folder.join(format!("{}.log", request.run))), 0o644);
    assert_eq!(mode(&folder.join("lock")), 0o600);
    assert_eq!(bed.journal().generation, Some(Generation(1)));
}
