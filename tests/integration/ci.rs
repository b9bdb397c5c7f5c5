//! The scripts of `examples/ci`, run as a pipeline would: plan, gate, approve, apply.

use crate::scene::{Says, Scene, one, seen};
use crate::testbed::{self, Output, Profile};

struct Pipeline {
    scene: Scene<'static>,
    name: &'static str,
}

impl Pipeline {
    fn new(name: &'static str) -> Self {
        let bed = testbed::shared();
        let scene = Scene::new(bed, name, &one(bed.host(0), Profile::new(name, "1.0")));
        drop(scene.apply());
        Self { scene, name }
    }

    fn propose(&self, version: &str) {
        let host = testbed::shared().host(0);
        let flake = one(host, Profile::new(self.name, version));
        self.scene.folder.rewrite(&flake);
    }

    /// Runs a script with these words and the folder of the review.
    fn run(&self, script: &str, words: &[&str], gates: &str) -> Output {
        let folder = format!("/root/{}-review", self.name);
        let script = format!("{}/examples/ci/{script}", env!("CARGO_MANIFEST_DIR"));
        let command = self.scene.operator_command(&script, words).args([folder]);
        command.env("DEPLOY_DENY", gates).run()
    }

    fn read(&self, file: &str) -> String {
        let path = format!("/root/{}-review/{file}", self.name);
        testbed::shared().operator().read(&path)
    }

    fn activations(&self) -> Vec<String> {
        seen(testbed::shared().host(0), self.name).activations
    }
}

#[test]
fn what_was_reviewed_is_applied() {
    let pipeline = Pipeline::new("ci-apply");
    pipeline.propose("2.0");
    drop(pipeline.run("plan", &[".", "--"], "downgrade").success());
    let comment = pipeline.read("plan.md");
    assert!(comment.starts_with("<!-- deploy plan -->\n"), "{comment}");
    assert!(comment.contains("| 1.0 | 2.0 | upgrade |"), "{comment}");
    assert_eq!(pipeline.activations(), ["1.0"]);
    drop(pipeline.run("apply", &[], "").success());
    assert_eq!(pipeline.activations(), ["1.0", "2.0"]);
    assert!(pipeline.read("events.jsonl").contains("\"run_finished\""));
}

#[test]
fn a_denied_plan_ends_with_a_code_of_its_own_and_can_be_read() {
    let pipeline = Pipeline::new("ci-deny");
    pipeline.propose("0.9");
    let denied = pipeline.run("plan", &[".", "--"], "reboot,downgrade");
    drop(
        denied
            .code(6)
            .says(&["ci-deny 1.0 -> 0.9 is older on web1.ci-deny"]),
    );
    assert!(pipeline.read("plan.md").contains("**downgrade**"));
}

#[test]
fn another_plan_than_the_approved_one_is_refused() {
    let pipeline = Pipeline::new("ci-other");
    pipeline.propose("2.0");
    drop(pipeline.run("plan", &[".", "--"], "").success());
    let approved = pipeline.read("digest");
    pipeline.propose("3.0");
    drop(pipeline.run("plan", &[".", "--"], "").success());
    let digest = format!("/root/{}-review/digest", pipeline.name);
    testbed::shared().operator().write(&digest, &approved);
    drop(
        pipeline
            .run("apply", &[], "")
            .code(1)
            .says(&["another plan than the one that was approved"]),
    );
    assert_eq!(pipeline.activations(), ["1.0"]);
}

#[test]
fn a_plan_that_fails_says_so() {
    let pipeline = Pipeline::new("ci-fails");
    drop(pipeline.run("plan", &[".#nobody", "--"], "").code(1));
    drop(pipeline.run("plan", &["."], "").code(64).says(&["usage:"]));
}
