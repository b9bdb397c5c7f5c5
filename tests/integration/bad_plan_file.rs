//! Files that are no plan, or not the plan that was reviewed: refused quickly, with nothing done.

use std::time::Duration;

use crate::scene::{Says, Scene, Seen, one, seen};
use crate::testbed::{self, Output, Profile};

/// A saved plan that would change web1, and what is done to its text.
struct Saved {
    scene: Scene<'static>,
    name: String,
}

impl Saved {
    fn new(name: &str) -> Self {
        let bed = testbed::shared();
        let scene = Scene::new(bed, name, &one(bed.host(0), Profile::new(name, "1.0")));
        drop(scene.save("plan.json"));
        Self {
            scene,
            name: name.to_owned(),
        }
    }

    fn text(&self) -> String {
        let operator = testbed::shared().operator();
        operator.read(&format!("{}/plan.json", self.scene.folder.path()))
    }

    fn write(&self, text: &str) {
        let operator = testbed::shared().operator();
        operator.write(&format!("{}/plan.json", self.scene.folder.path()), text);
    }

    /// Applies and shows the file; neither may do anything but say this.
    #[track_caller]
    fn is_refused(&self, words: &[&str]) -> Output {
        drop(
            self.scene
                .deploy(&["show", "plan.json"])
                .code(1)
                .says(words),
        );
        let output = self
            .scene
            .deploy(&["apply", "plan.json", "--yes"])
            .code(1)
            .says(words);
        assert_eq!(seen(testbed::shared().host(0), &self.name), Seen::nothing());
        output
    }
}

#[test]
fn a_plan_that_was_cut_short() {
    let saved = Saved::new("cut-short");
    let text = saved.text();
    saved.write(&text[..text.len() / 2]);
    drop(saved.is_refused(&[
        "plan.json cannot be used",
        "not complete JSON",
        "EOF",
        "deploy plan --out",
    ]));
    saved.write("");
    drop(saved.is_refused(&["not complete JSON", "EOF"]));
}

#[test]
fn a_plan_of_another_format_version() {
    let saved = Saved::new("other-format");
    let text = saved.text();
    assert!(text.contains("\"format_version\": 1,"), "{text}");
    saved.write(&text.replace(
        "\"format_version\": 1,",
        "\"format_version\": 2, \"new_field\": { },",
    ));
    drop(saved.is_refused(&[
        "format version 2",
        "reads version 1",
        "the version of deploy that made it",
    ]));
    saved.write(&text.replace("\"format_version\": 1,", ""));
    drop(saved.is_refused(&["format version none"]));
}

#[test]
fn a_plan_that_was_edited_by_hand() {
    let saved = Saved::new("edited");
    let text = saved.text();
    saved.write(&text.replace("\"magic_rollback\": true", "\"magic_rollback\": false"));
    drop(saved.is_refused(&[
        "changed after it was made",
        "applied exactly as it was reviewed",
    ]));
    saved.write(&text.replace("\"warnings\": []", "\"warnings\": [\"trust me\"]"));
    drop(saved.is_refused(&["changed after it was made"]));
    saved.write(&text.replace("\"operator\":", "\"comment\": \"x\", \"operator\":"));
    drop(saved.is_refused(&["not well formed", "unknown field `comment`"]));
}

#[test]
fn a_plan_with_a_path_outside_of_the_store() {
    let saved = Saved::new("outside");
    let plan: serde_json::Value = serde_json::from_str(&saved.text()).expect("the plan is JSON");
    let target = plan["profiles"][0]["target"]["path"]
        .as_str()
        .unwrap_or_default();
    saved.write(&saved.text().replace(target, "/root/evil"));
    drop(saved.is_refused(&["not well formed at `profiles[0].target", "/root/evil"]));
}

#[test]
fn a_file_that_is_no_json() {
    let saved = Saved::new("no-json");
    saved.write("{ outputs = { self }: { }; }\n");
    drop(saved.is_refused(&["plan.json cannot be used", "not complete JSON"]));
    saved.write("[ 1, 2 ]");
    drop(saved.is_refused(&["plan.json cannot be used", "an object, not a list"]));
    saved.write(&"[".repeat(100_000));
    drop(saved.is_refused(&["plan.json cannot be used"]));
}

#[test]
fn a_plan_of_one_gibibyte_is_refused_quickly_and_in_little_memory() {
    let saved = Saved::new("huge");
    let operator = testbed::shared().operator();
    let file = format!("{}/plan.json", saved.scene.folder.path());
    operator.run(["truncate", "--size=1G", &file]).success();
    let words = ["1073741824 bytes", "no plan is larger"];
    let started = saved.is_refused(&words);
    assert!(started.elapsed < Duration::from_secs(2), "{started}");
    // As a limit on what it may map beyond its own threads' stacks.
    let limited = "ulimit -v 1000000; exec deploy show plan.json";
    drop(
        saved
            .scene
            .operator_command("sh", &["-c", limited])
            .run()
            .code(1)
            .says(&words),
    );
    let piped = "ulimit -v 1000000; exec deploy show - < plan.json";
    drop(
        saved
            .scene
            .operator_command("sh", &["-c", piped])
            .run()
            .code(1)
            .says(&["no plan is larger"]),
    );
}

#[test]
fn a_plan_that_is_not_there() {
    let bed = testbed::shared();
    let scene = Scene::new(
        bed,
        "no-plan",
        &one(bed.host(0), Profile::new("no-plan", "1.0")),
    );
    for words in [["apply", "nowhere.json"], ["show", "nowhere.json"]] {
        drop(scene.deploy(&words).code(1).says(&[
            "could not read the plan",
            "nowhere.json",
            "No such file",
        ]));
    }
    bed.operator()
        .run(["mkdir", "/root/no-plan/folder.json"])
        .success();
    drop(
        scene
            .deploy(&["apply", "folder.json"])
            .code(1)
            .says(&["folder.json", "directory"]),
    );
}

#[test]
fn a_plan_from_standard_input_is_applied() {
    let saved = Saved::new("from-stdin");
    let command = saved.scene.command(&["apply", "-"]).stdin(&saved.text());
    drop(command.run().success());
    assert_eq!(
        seen(testbed::shared().host(0), "from-stdin").activations,
        ["1.0"]
    );
}

#[test]
fn a_saved_plan_is_shown_byte_for_byte() {
    let saved = Saved::new("shown");
    let printed = saved
        .scene
        .deploy(&["plan", "--out", "again.json"])
        .success();
    let shown = saved.scene.deploy(&["show", "again.json"]).success();
    assert_eq!(shown.stdout, printed.stdout);
    let json = saved
        .scene
        .deploy(&["show", "--format", "json", "plan.json"])
        .success();
    assert_eq!(json.stdout, saved.text());
}
