//! The published schemas are what the types are: drift fails, `UPDATE_SCHEMA=1` writes them anew.

use std::path::{Path, PathBuf};

use deploy::plan::Plan;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("schema")
        .join(name)
}

#[test]
fn the_schema_of_plans_is_up_to_date() {
    let schema = schemars::schema_for!(Plan);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let file = file("plan.schema.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let published = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        published == text,
        "schema/plan.schema.json is not what the types are; run with UPDATE_SCHEMA=1"
    );
}
