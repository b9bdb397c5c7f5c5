//! Published files that are made from the program: drift fails, `UPDATE_GENERATED=1` makes them
//! anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use deploy::plan::{Plan, SavedObservations};

fn check(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&path, text).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == text,
        "{file} is not what the program says; run with UPDATE_GENERATED=1"
    );
}

fn check_schema(file: &str, schema: &schemars::Schema) {
    check(
        file,
        &(serde_json::to_string_pretty(schema).unwrap() + "\n"),
    );
}

#[test]
fn the_schema_of_plans() {
    check_schema("schema/plan.schema.json", &schemars::schema_for!(Plan));
}

#[test]
fn the_schema_of_observations() {
    let schema = schemars::schema_for!(SavedObservations);
    check_schema("schema/observations.schema.json", &schema);
}

#[test]
fn the_schema_of_the_flake_attribute() {
    let schema = serde_json::to_string_pretty(&deploy::config::fleet_schema());
    check("schema/deploy.schema.json", &(schema.unwrap() + "\n"));
}

#[test]
fn the_page_of_the_command_line() {
    let mut page = String::from("# Command line\n\nWhat `deploy --help` says.\n");
    for command in [
        &[][..],
        &["plan"],
        &["apply"],
        &["rollback"],
        &["status"],
        &["check"],
        &["show"],
    ] {
        let words: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let output = Command::new(env!("CARGO_BIN_EXE_deploy"))
            .args(&words)
            .env("COLUMNS", "100")
            .output()
            .unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        let title = ["deploy"]
            .iter()
            .chain(command)
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        let lines = lines.join("\n");
        write!(page, "\n## {title}\n\n```text\n{lines}\n```\n").unwrap();
    }
    check("docs/command-line.md", &page);
}
