//! Called as deploy-rs's client calls its agent: the same words, and confirmed by removing a file.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use deploy::model::StorePath;
use deploy::protocol::Phase;

use super::bed::{Bed, agent_program, eventually};

impl Bed {
    /// The agent as a closure has it.
    fn activate_rs(&self, words: &[&str]) -> Command {
        let link = self.path("activate-rs");
        if !link.exists() {
            std::os::unix::fs::symlink(agent_program(), &link).unwrap();
        }
        let mut command = self.nix(link.to_str().unwrap());
        command
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn temp_path(&self) -> String {
        self.path("tmp").display().to_string()
    }

    fn canary(&self, closure: &StorePath) -> PathBuf {
        self.path("tmp")
            .join(format!("deploy-rs-canary-{}", closure.hash()))
    }

    /// What deploy-rs's client runs first.
    fn begin(&self, closure: &StorePath, confirm_timeout: &str) -> Child {
        let mut command = self.activation(closure, confirm_timeout);
        command.spawn().unwrap()
    }

    fn activation(&self, closure: &StorePath, confirm_timeout: &str) -> Command {
        let temp_path = self.temp_path();
        let words = [
            "activate",
            closure.as_str(),
            "--profile-path",
            self.profile.as_str(),
            "--temp-path",
            &temp_path,
            "--confirm-timeout",
            confirm_timeout,
            "--magic-rollback",
            "--auto-rollback",
        ];
        self.activate_rs(&words)
    }

    /// What it runs alone, with `--dry-activate` or `--boot`.
    fn with_flag(&self, closure: &StorePath, flag: &str) -> Output {
        let mut command = self.activation(closure, "30");
        command.arg(flag).output().unwrap()
    }

    /// A closure that says whether it was to do anything.
    fn telling(&self, name: &str, script: &str) -> StorePath {
        let script = format!(
            "#!/bin/sh\ncd {}\necho \"$DRY_ACTIVATE $BOOT {name}\" >> asked\necho would start {name}\n{script}\n",
            self.path("").display()
        );
        self.derivation("deploy-rs-activate", name, &script)
    }

    fn asked(&self) -> String {
        fs::read_to_string(self.path("asked")).unwrap_or_default()
    }

    /// What it runs beside that.
    fn wait(&self, closure: &StorePath, seconds: &str) -> ExitStatus {
        let temp_path = self.temp_path();
        let limit = ["--activation-timeout", seconds];
        let words = ["wait", closure.as_str(), "--temp-path", &temp_path];
        let mut command = self.activate_rs(&words);
        command.args(limit).status().unwrap()
    }

    fn revoke_last(&self) -> Output {
        let words = ["revoke", "--profile-path", self.profile.as_str()];
        self.activate_rs(&words).output().unwrap()
    }

    fn left_in_temp_path(&self) -> usize {
        fs::read_dir(self.path("tmp")).map_or(0, Iterator::count)
    }

    /// Deploys as deploy-rs's client does.
    fn deploy_as_deploy_rs(&self, closure: &StorePath) -> Output {
        let activation = self.begin(closure, "30");
        assert!(self.wait(closure, "20").success());
        fs::remove_file(self.canary(closure)).unwrap();
        activation.wait_with_output().unwrap()
    }
}

#[test]
fn a_canary_that_is_removed_confirms() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", "sleep 0.3"));
    for (number, closure) in [(1, &one), (2, &two)] {
        let output = bed.deploy_as_deploy_rs(closure);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("activating "), "{said}");
        let world = bed.world();
        assert_eq!(world.link, Some(format!("app-{number}-link")));
        assert_eq!(bed.left_in_temp_path(), 0);
    }
    // An unchanged profile is activated again, as ever.
    let output = bed.deploy_as_deploy_rs(&two);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bed.history(), ["one", "two", "two"]);
    assert_eq!(bed.world().link.as_deref(), Some("app-2-link"));
}

#[test]
fn without_a_confirmation_it_goes_back_and_leaves_no_canary() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.set_by_hand(&one);
    let before = bed.world();
    for _ in 0..2 {
        let begin = Instant::now();
        let activation = bed.begin(&two, "1");
        assert!(bed.wait(&two, "20").success());
        assert!(begin.elapsed() < Duration::from_secs(15));
        assert_eq!(bed.world().link.as_deref(), Some("app-2-link"));
        let output = activation.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("no confirmation arrived"), "{said}");
        let world = bed.world();
        assert_eq!(
            (&world.link, &world.generations),
            (&before.link, &before.generations)
        );
        assert_eq!(bed.left_in_temp_path(), 0);
    }
}

/// What deploy-rs leaves after a time-out: its client took it for the sign of the next activation.
#[test]
fn a_stale_canary_means_nothing() {
    let bed = Bed::new();
    let closure = bed.closure("slow", "sleep 1");
    fs::create_dir(bed.path("tmp")).unwrap();
    fs::write(bed.canary(&closure), "").unwrap();
    assert_eq!(bed.wait(&closure, "1").code(), Some(1));
    let output = bed.deploy_as_deploy_rs(&closure);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bed.history(), ["slow"]);
    assert_eq!(bed.journal().phase, Phase::Confirmed);
}

#[test]
fn a_failed_activation_goes_back_and_nobody_is_asked_to_confirm() {
    let bed = Bed::new();
    let (one, bad) = (bed.closure("one", ""), bed.closure("bad", "exit 3"));
    bed.deploy_as_deploy_rs(&one);
    let before = bed.world();
    let output = bed.begin(&bad, "30").wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("exited with status 3") && said.contains("as it was before"),
        "{said}"
    );
    assert_eq!(bed.wait(&bad, "0").code(), Some(1));
    assert_eq!(bed.world(), before);
}

#[test]
fn revoking_takes_the_last_run_back_once() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.deploy_as_deploy_rs(&one);
    let before = bed.world();
    bed.deploy_as_deploy_rs(&two);
    let output = bed.revoke_last();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bed.world(), before);
    let history = bed.history();
    // Told again, and not done again.
    assert!(bed.revoke_last().status.success());
    assert_eq!(bed.history(), history);
    assert_eq!(bed.world(), before);
}

#[test]
fn a_lost_connection_changes_nothing() {
    let bed = Bed::new();
    let one = bed.closure("one", "sleep 0.5");
    let mut activation = bed.begin(&one, "20");
    eventually("it begins", || {
        bed.state_folder().join("journal.json").exists()
    });
    activation.kill().unwrap();
    activation.wait().unwrap();
    assert!(bed.wait(&one, "20").success());
    fs::remove_file(bed.canary(&one)).unwrap();
    eventually("it is confirmed", || {
        bed.journal().phase == Phase::Confirmed
    });
    assert_eq!(bed.world().link.as_deref(), Some("app-1-link"));
}

#[test]
fn a_canary_of_a_dead_supervisor_confirms_nothing() {
    let bed = Bed::new();
    let (one, two) = (bed.closure("one", ""), bed.closure("two", ""));
    bed.deploy_as_deploy_rs(&one);
    let mut activation = bed.begin(&two, "60");
    assert!(bed.wait(&two, "20").success());
    let pid = bed.journal().agent.pid.to_string();
    let status = Command::new("kill").args(["-KILL", &pid]).status();
    assert!(status.unwrap().success());
    assert_eq!(activation.wait().unwrap().code(), Some(1));
    assert!(bed.canary(&two).exists());
    assert_eq!(bed.wait(&two, "0").code(), Some(1));
    let output = bed.deploy_as_deploy_rs(&two);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("was rolled back first"), "{said}");
    assert_eq!(bed.world().link.as_deref(), Some("app-2-link"));
}

#[test]
fn a_dry_run_says_what_would_be_done_and_the_client_can_take_nothing_back_for_it() {
    let bed = Bed::new();
    let (one, two) = (bed.telling("one", ""), bed.telling("two", ""));
    bed.deploy_as_deploy_rs(&one);
    bed.deploy_as_deploy_rs(&two);
    let (before, journal) = (bed.world(), bed.journal());
    for closure in [&one, &two] {
        let output = bed.with_flag(closure, "--dry-activate");
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.starts_with("would start "), "{said}");
        // The client asks for this where another node's dry run has failed.
        let output = bed.revoke_last();
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("nothing is taken back"), "{said}");
    }
    assert_eq!((bed.world(), bed.journal()), (before.clone(), journal));
    assert_eq!(bed.asked(), "0 0 one\n0 0 two\n1 0 one\n1 0 two\n");
    assert_eq!(bed.left_in_temp_path(), 0);
    // Somebody else may mean the run itself: not done for them, and not called a success.
    let mut other = bed.activate_rs(&["revoke", "--profile-path", bed.profile.as_str()]);
    let output = other.env("SUDO_USER", "somebody-else").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(bed.world(), before);
    // A run that comes after it is taken back as ever.
    bed.deploy_as_deploy_rs(&bed.telling("three", ""));
    assert!(bed.revoke_last().status.success());
    assert_eq!(bed.world(), before);
}

#[test]
fn a_dry_run_that_fails_is_a_failure_and_one_of_a_new_profile_leaves_nothing() {
    let bed = Bed::new();
    let closure = bed.telling("bad", "exit 3");
    let output = bed.with_flag(&closure, "--dry-activate");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("exited with status 3; nothing was changed"),
        "{said}"
    );
    let without = bed.closure_with("activate", "without", "");
    let output = bed.with_flag(&without, "--dry-activate");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bed.history(), [""; 0]);
    assert!(!bed.path("profiles").exists());
    assert_eq!(bed.revoke_last().status.code(), Some(1));
}

#[test]
fn a_dry_run_that_cannot_leave_its_mark_is_not_made() {
    let bed = Bed::new();
    let one = bed.telling("one", "");
    bed.deploy_as_deploy_rs(&one);
    fs::create_dir(bed.state_folder().join("dry-run.json")).unwrap();
    let output = bed.with_flag(&one, "--dry-activate");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(bed.asked(), "0 0 one\n");
    assert_eq!(bed.revoke_last().status.code(), Some(1));
    assert_eq!(bed.world().link.as_deref(), Some("app-1-link"));
}

#[test]
fn what_is_prepared_for_the_next_boot_is_confirmed_by_nobody_and_can_be_taken_back() {
    let bed = Bed::new();
    let one = bed.closure("one", "");
    bed.deploy_as_deploy_rs(&one);
    let before = bed.world();
    let two = bed.telling("two", "");
    let output = bed.with_flag(&two, "--boot");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bed.asked(), "0 1 two\n");
    assert_eq!(bed.world().link.as_deref(), Some("app-2-link"));
    assert_eq!(bed.journal().phase, Phase::Confirmed);
    assert_eq!(bed.left_in_temp_path(), 0);
    assert!(bed.revoke_last().status.success());
    assert_eq!(bed.world(), before);
    let bad = bed.telling("bad", "exit 1");
    let output = bed.with_flag(&bad, "--boot");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(bed.world(), before);
}
