//! Runs whose agent died: the next apply takes back first what they left, and then plans on top of
//! that (demand B5).

use crate::scene::{Says, Scene, one, seen};
use crate::testbed::{Bed, Flake, Host, Profile};

const RECOVERED: &str = "recovered: an unfinished run of root@operator";

/// A host with 1.0, on which the agent died at some point of the way to 2.0.
struct Died {
    bed: Bed,
}

impl Died {
    fn at(point: &str) -> Self {
        let died = Self { bed: Bed::new(1) };
        let scene = died.scene("1.0");
        drop(scene.apply());
        // What the operator calls then to finish it dies as well.
        let fault = format!("\nSetEnv DEPLOY_AGENT_FAULT={point}=kill,ended=kill\n");
        died.host().append("/run/sshd_config", &fault);
        died.restart_sshd();
        drop(died.scene("2.0").save("plan.json"));
        let output = died.scene("2.0").deploy(&["apply", "--yes"]);
        assert_ne!(output.exit, 0, "{output}");
        let journal = "/nix/var/nix/profiles/per-user/root/.deploy/app/journal.json";
        let journal = died.host().read(journal);
        assert!(!journal.contains("\"confirmed\""), "{journal}\n{output}");
        died
    }

    fn host(&self) -> &Host {
        self.bed.host(0)
    }

    fn restart_sshd(&self) {
        self.host().stop_sshd();
        self.host().start_sshd();
    }

    fn flake(&self, version: &str) -> Flake {
        let breaks = format!("[ ! -e /root/breaks-{version} ] || exit 6");
        let profile = Profile::new("app", version).script(&breaks);
        one(self.host(), profile).setting("confirmTimeout = 5;")
    }

    fn scene(&self, version: &str) -> Scene<'_> {
        Scene::new(&self.bed, "fleet", &self.flake(version))
    }

    /// Boots it again, where agents do not die.
    fn boot(&self) {
        self.host().crash();
        self.host().boot();
    }

    #[track_caller]
    fn is_at_2(&self) {
        let after = seen(self.host(), "app");
        assert_eq!(after.link.as_deref(), Some("app-2-link"));
        assert_eq!(after.numbers(), [1, 2]);
        assert_eq!(after.activations.last().map(String::as_str), Some("2.0"));
    }
}

#[test]
fn what_died_while_it_set_the_profile_is_taken_back_by_the_next_apply() {
    let died = Died::at("setting");
    died.boot();
    let output = died.scene("2.0").apply();
    drop(output.says(&[RECOVERED, "update generation 1 -> 2"]));
    died.is_at_2();
}

#[test]
fn what_died_while_it_activated_is_taken_back_by_the_next_apply() {
    let died = Died::at("activated");
    died.boot();
    drop(died.scene("2.0").apply().says(&[
        RECOVERED,
        "rolled back first",
        "update generation 1 -> 2",
    ]));
    died.is_at_2();
    let activations = ["1.0", "2.0", "1.0", "2.0"];
    assert_eq!(seen(died.host(), "app").activations, activations);
}

#[test]
fn what_died_unconfirmed_is_never_taken_for_what_was_asked_for() {
    let died = Died::at("waiting");
    died.boot();
    // The link is at 2.0 already, but nobody has confirmed that.
    let plan = died.scene("2.0").deploy(&["plan"]).success();
    drop(plan.says(&["unchanged", "was interrupted"]));
    drop(
        died.scene("2.0")
            .apply()
            .says(&[RECOVERED, "update generation 1 -> 2"]),
    );
    died.is_at_2();
    drop(
        died.scene("2.0")
            .apply()
            .never_says(&["recovered", "interrupted"]),
    );
}

#[test]
fn without_a_reboot_the_same() {
    let died = Died::at("waiting");
    died.host()
        .shell("sed -i /SetEnv/d /run/sshd_config")
        .success();
    died.restart_sshd();
    drop(died.scene("2.0").apply().says(&[RECOVERED]));
    died.is_at_2();
}

#[test]
fn a_saved_plan_is_checked_against_what_is_recovered() {
    let died = Died::at("waiting");
    died.boot();
    let output = died.scene("2.0").deploy(&["apply", "plan.json"]).success();
    drop(output.says(&[RECOVERED]));
    died.is_at_2();
}

#[test]
fn whoever_is_there_is_asked_first() {
    let died = Died::at("waiting");
    died.boot();
    let before = seen(died.host(), "app");
    let scene = died.scene("2.0");
    let mut apply = scene.command(&["apply"]).terminal().interactive().spawn();
    apply.wait_for("before anything is planned. Go on? [y/N]");
    apply.write("n\n");
    let output = apply.wait().code(1);
    drop(output.says(&[
        "web1.app: a run of root@operator was interrupted",
        "nothing was changed",
    ]));
    assert_eq!(seen(died.host(), "app"), before);
    let mut apply = scene.command(&["apply"]).terminal().interactive().spawn();
    apply.wait_for("before anything is planned. Go on? [y/N]");
    apply.write("y\n");
    apply.wait_for("Apply this plan? [y/N]");
    apply.write("y\n");
    drop(apply.wait().success().says(&[RECOVERED]));
    died.is_at_2();
}

#[test]
fn what_cannot_be_taken_back_needs_a_person_and_nothing_is_put_on_top() {
    let died = Died::at("waiting");
    died.boot();
    died.host().write("/root/breaks-1.0", "");
    let scene = died.scene("2.0");
    drop(scene.deploy(&["apply", "--yes"]).code(3).says(&[
        "a person is needed before anything else",
        "web1.app: the unfinished run of root@operator could not be taken back",
    ]));
    drop(
        scene
            .deploy(&["status"])
            .success()
            .says(&["a person is needed"]),
    );
    died.host().run(["rm", "/root/breaks-1.0"]).success();
    drop(scene.apply());
    let after = seen(died.host(), "app");
    assert_eq!(after.activations.last().map(String::as_str), Some("2.0"));
}
