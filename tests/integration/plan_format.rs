//! The plan as a document: the names that programs rely on, and the published schema.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::scene::{Scene, fleet};
use crate::testbed::{Node, Profile, shared};

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// Every name that the format promises, whatever else is there.
fn has(value: &Value, names: &[&str]) {
    let keys = keys(value);
    let missing: Vec<_> = names.iter().filter(|name| !keys.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?} not in {keys:?}");
}

fn document(folder: &str) -> Value {
    let bed = shared();
    let profile = |name: &str| Profile::new(name, "1.0").package("hello", "2.12");
    let node = Node::at(bed.host(0))
        .profile(profile("format-a"))
        .profile(profile("format-b"));
    let flake = fleet()
        .node(node)
        .node(Node::new("gone", "127.0.0.77").profile(profile("format-c")));
    Scene::new(bed, folder, &flake).plan_json()
}

fn fits_the_schema(plan: &Value) {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/plan.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(plan)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

fn has_the_names_of_a_profile(profile: &Value) {
    has(
        profile,
        &[
            "node",
            "profile",
            "profile_path",
            "user",
            "action",
            "current",
            "target",
            "closure",
        ],
    );
    assert_eq!(
        keys(&profile["current"]),
        ["generation", "highest_generation", "path", "state"]
    );
    has(&profile["target"], &["path", "drv_path", "generation"]);
    has(
        &profile["closure"],
        &[
            "size_before",
            "size_after",
            "bytes_to_copy",
            "paths_to_copy",
            "packages",
        ],
    );
    has(
        &profile["closure"]["packages"][0],
        &["name", "before", "after", "paths"],
    );
    assert_eq!(profile["action"], "create");
    assert_eq!(profile["target"]["generation"], 1);
}

#[test]
fn a_plan_has_the_promised_names_and_fits_its_schema() {
    let plan = document("format-names");
    has(
        &plan,
        &[
            "format_version",
            "id",
            "created_at",
            "flakes",
            "selection",
            "mode",
            "nodes",
            "profiles",
            "steps",
            "summary",
        ],
    );
    assert_eq!(plan["format_version"], 1);
    assert_eq!(plan["mode"], "switch");
    has(
        &plan["flakes"][0],
        &["kind", "url", "locked", "nar_hash", "dirty", "nix_args"],
    );
    has(
        &plan["nodes"][0],
        &["node", "flake", "hostname", "observed", "error"],
    );
    assert_eq!(plan["nodes"][0]["observed"], "unreachable");
    assert_eq!(plan["nodes"][1]["observed"], "ok");
    has_the_names_of_a_profile(&plan["profiles"][1]);
    fits_the_schema(&plan);
}

#[test]
fn steps_form_the_promised_graph() {
    let plan = document("format-steps");
    let steps = plan["steps"].as_array().unwrap();
    has(
        &steps[0],
        &["id", "kind", "node", "profile", "depends_on", "after"],
    );
    let kinds: Vec<_> = steps
        .iter()
        .map(|step| step["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["build", "build", "copy", "barrier", "activate", "activate"]
    );
    assert!(
        steps.iter().all(|step| step["node"] != "gone"),
        "a node that was not read gets no steps"
    );
    let barrier = &steps[3];
    assert_eq!(
        barrier["depends_on"].as_array().unwrap().len(),
        2,
        "the barrier depends on every build"
    );
    assert_eq!(
        barrier["after"],
        serde_json::json!(["copy:web1"]),
        "and comes after every copy"
    );
}

#[test]
fn two_plans_of_one_state_differ_in_id_and_time_only() {
    let strip = |mut plan: Value| {
        for name in ["id", "created_at", "digest"] {
            plan[name] = Value::Null;
        }
        // The lock of a plain folder has the time at which it was written.
        plan["flakes"][0]["locked"] = Value::Null;
        serde_json::to_string_pretty(&plan).unwrap()
    };
    assert_eq!(
        strip(document("format-twice")),
        strip(document("format-twice"))
    );
}
