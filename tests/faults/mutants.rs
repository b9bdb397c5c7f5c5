//! Mutants: changes that break what the tests promise, and that the tests must notice.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::testbed::target_folder;

const TEXT: &str = include_str!("../mutants.toml");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutants {
    mutant: Vec<Mutant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    edits: Vec<Edit>,
    tests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    find: String,
    replace: String,
}

fn mutants() -> Vec<Mutant> {
    let mutants: Mutants = toml::from_str(TEXT).unwrap();
    mutants.mutant
}

#[test]
fn every_mutant_still_has_a_place() {
    for mutant in mutants() {
        assert!(!mutant.tests.is_empty(), "{}", mutant.name);
        for edit in &mutant.edits {
            let text = fs::read_to_string(Path::new(ROOT).join(&edit.file)).unwrap();
            let places = text.matches(&edit.find).count();
            assert_eq!(places, 1, "{}: {}:{}", mutant.name, edit.file, edit.find);
        }
    }
}

/// Takes minutes for each, so only `tests/mutants` asks for it.
#[test]
#[ignore = "tests/mutants runs it"]
fn every_mutant_makes_its_tests_fail() {
    let copy = Copy::of_the_tree();
    let all: BTreeSet<String> = mutants()
        .into_iter()
        .flat_map(|mutant| mutant.tests)
        .collect();
    for test in &all {
        assert!(!copy.fails(test), "{test} fails without any mutant");
    }
    let mut survivors = Vec::new();
    for mutant in mutants() {
        copy.change(&mutant);
        for test in &mutant.tests {
            let fails = copy.fails(test);
            let end = if fails { "fails" } else { "SURVIVES" };
            println!("{}: {test} {end}", mutant.name);
            if !fails {
                survivors.push(format!("{}: {test}", mutant.name));
            }
        }
        copy.restore(&mutant);
    }
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
}

/// The last commit, in a folder of its own.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn of_the_tree() -> Self {
        let folder = tempfile::tempdir_in(target_folder()).unwrap();
        let copy = Self { folder };
        let path = copy.tree().display().to_string();
        git(&["worktree", "add", "--quiet", "--detach", &path, "HEAD"]);
        copy
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    fn change(&self, mutant: &Mutant) {
        for edit in &mutant.edits {
            let path = self.tree().join(&edit.file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replacen(&edit.find, &edit.replace, 1)).unwrap();
        }
    }

    fn restore(&self, mutant: &Mutant) {
        for edit in &mutant.edits {
            fs::copy(
                Path::new(ROOT).join(&edit.file),
                self.tree().join(&edit.file),
            )
            .unwrap();
        }
    }

    /// Returns whether the test fails, which one that cannot be built does not.
    #[track_caller]
    fn fails(&self, test: &str) -> bool {
        let (kind, name) = test.split_once(' ').unwrap();
        let (target, filter, cell) = match kind {
            "lib" => (&["--lib"][..], name, ""),
            "integration" => (&["--test", "integration"][..], name, ""),
            _ => (
                &["--test", "faults"][..],
                "suite::every_fault_ends_as_the_table_says",
                name,
            ),
        };
        let build = self.cargo(target).arg("--no-run").output().unwrap();
        let said = String::from_utf8_lossy(&build.stderr);
        assert!(build.status.success(), "{test} cannot be built:\n{said}");
        let mut run = self.cargo(target);
        let run = run
            .env("DEPLOY_FAULTS", cell)
            .args(["--", "--exact", filter]);
        let output = run.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let ran = said.contains("running 1 test");
        assert!(ran, "there is no test {test}:\n{said}");
        !output.status.success() && said.contains("test result: FAILED")
    }

    fn cargo(&self, target: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command
            .args(["test", "--quiet", "--locked", "--offline"])
            .args(target)
            .current_dir(self.tree())
            .env("CARGO_TARGET_DIR", target_folder().join("mutants"));
        command
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let path = self.tree().display().to_string();
        git(&["worktree", "remove", "--force", &path]);
    }
}

fn git(arguments: &[&str]) {
    let status = Command::new("git")
        .args(arguments)
        .current_dir(ROOT)
        .status();
    assert!(status.unwrap().success(), "git {arguments:?}");
}
