//! The packages in `nix/`, built by Nix with a small stand-in for nixpkgs.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::testbed;

const EXPRESSION: &str = r#"
    { repository, target, environment }:
    let
      nixpkgs = import (repository + "/tests/integration/nix/nixpkgs.nix") {
        inherit target;
        environment = builtins.fromJSON environment;
      };
      agent = import (repository + "/nix/agent.nix") {
        inherit (nixpkgs) lib;
        inherit (nixpkgs.pkgsStatic) rustPlatform;
      };
    in
    import (repository + "/nix/package.nix") {
      inherit (nixpkgs) lib rustPlatform;
      agents.${builtins.currentSystem} = agent;
    }
"#;

/// What cargo needs to be found and to find what it has.
const VARIABLES: [&str; 6] = [
    "PATH",
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_AUTO_INSTALL",
];

#[test]
fn the_package_is_deploy_and_the_static_agents_that_it_sends() {
    let root = tempfile::tempdir().unwrap();
    let link = root.path().join("result");
    let target = testbed::target_folder();
    let output = Command::new("nix-build")
        .args(["-E", EXPRESSION, "--out-link"])
        .arg(&link)
        .args(["--arg", "repository", env!("CARGO_MANIFEST_DIR")])
        .arg("--argstr")
        .arg("target")
        .arg(target.parent().unwrap())
        .args(["--argstr", "environment", &environment().to_string()])
        .env(
            "NIX_CONFIG",
            "substituters =\nsandbox = false\nbuild-users-group =",
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let agent = format!("libexec/deploy/{}/activate", testbed::system());
    let bytes = fs::read(link.join(&agent)).unwrap();
    assert!(
        !contains(&bytes, b"/ld-linux"),
        "the agent asks for a loader, so it is not static"
    );
    assert!(runs(&link.join(&agent), &["handshake"]).contains("protocol"));
    assert!(runs(&link.join("bin/deploy"), &["--version"]).starts_with("deploy "));
}

fn environment() -> serde_json::Value {
    let variables = VARIABLES.iter().filter_map(|name| {
        let value = std::env::var(name).ok()?;
        Some(((*name).to_owned(), value.into()))
    });
    let triple = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let triple = String::from_utf8(triple).unwrap();
    let triple = triple.lines().find_map(|line| line.strip_prefix("host: "));
    let host = ("HOST_TRIPLE".to_owned(), triple.unwrap().into());
    serde_json::Value::Object(variables.chain([host]).collect())
}

fn contains(bytes: &[u8], searched: &[u8]) -> bool {
    bytes
        .windows(searched.len())
        .any(|window| window == searched)
}

fn runs(program: &Path, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
