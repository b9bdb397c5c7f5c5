//! `deployChecks` of `nix/lib.nix`, built by Nix: what passes, and what does not.

use std::fs;
use std::process::Command;

const CHECK: &str = r#"
    { repository, check, fleet }:
    let
      root = /. + repository;
      pkgs = import (root + "/tests/integration/nix/trivial.nix") { };
      library = import (root + "/nix/lib.nix") pkgs;
    in
    (library.deployChecks (import (/. + fleet) (pkgs // library))).${check}
"#;

/// Builds a check of the fleet whose one profile is this; returns what was said where it fails.
fn build(check: &str, profile: &str) -> Result<(), String> {
    let root = tempfile::tempdir().unwrap();
    let fleet = root.path().join("fleet.nix");
    let text = format!(
        "{{ activate, writeTextFile, ... }}: let base = writeTextFile {{ name = \"base\"; \
         destination = \"/bin/base\"; text = \"\"; }}; in {{ sshUser = \"root\"; \
         nodes.web1 = {{ hostname = \"web1\"; profiles.app = {{ user = \"root\"; {profile} }}; }}; }}"
    );
    fs::write(&fleet, text).unwrap();
    let output = Command::new("nix-build")
        .args(["--no-out-link", "-E", CHECK])
        .args(["--argstr", "repository", env!("CARGO_MANIFEST_DIR")])
        .args(["--argstr", "check", check])
        .args(["--argstr", "fleet", fleet.to_str().unwrap()])
        .env(
            "NIX_CONFIG",
            "substituters =\nsandbox = false\nbuild-users-group =",
        )
        .env("HOME", root.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(said)
}

#[test]
fn a_good_fleet_passes() {
    let profile = "path = activate.custom base \"true\"; confirmTimeout = 9; remoteBuild = true;";
    for check in ["deploy-schema", "deploy-activate"] {
        build(check, profile).unwrap_or_else(|said| panic!("{check}: {said}"));
    }
}

#[test]
fn an_option_that_is_misspelled_or_has_the_wrong_type_does_not_build() {
    for (option, named) in [
        ("confirmTimeuot = 9;", "confirmTimeuot"),
        ("confirmTimeout = \"9\";", "is not of type 'integer'"),
        ("onDegraded = \"kept\";", "kept"),
    ] {
        let profile = format!("path = activate.noop base; {option}");
        let said = build("deploy-schema", &profile).unwrap_err();
        assert!(said.contains(named), "{option}: {said}");
    }
}

#[test]
fn a_profile_that_nothing_activates_does_not_build() {
    let said = build("deploy-activate", "path = base;").unwrap_err();
    let words = "web1.app has nothing to activate it";
    assert!(said.contains(words), "{said}");
    build("deploy-schema", "path = base;").unwrap();
}
