//! The flake, evaluated and built by Nix with a small stand-in for nixpkgs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::testbed;

/// What cargo needs to be found and to find what it has.
const VARIABLES: [&str; 7] = [
    "PATH",
    "HOME",
    "CARGO_HOME",
    "CARGO_PROFILE_DEV_DEBUG",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "RUSTUP_AUTO_INSTALL",
];

/// The flake, with the stand-in for nixpkgs in the place of its input.
struct PackageFlake {
    root: TempDir,
}

impl PackageFlake {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copied = [
            "Cargo.lock",
            "Cargo.toml",
            "flake.lock",
            "flake.nix",
            "nix",
            "schema",
            "src",
        ];
        fs::create_dir(root.path().join("deploy")).unwrap();
        for name in copied {
            copy(&repository.join(name), &root.path().join("deploy"));
        }
        copy(&repository.join("tests/integration/nix"), root.path());
        let text = environment().to_string();
        fs::write(root.path().join("nix/environment.json"), text).unwrap();
        Self { root }
    }

    fn nix(&self, words: &[&str]) -> Output {
        let stand_in = format!("path:{}/nix", self.root.path().display());
        Command::new("nix")
            .args(words)
            .args(["--override-input", "nixpkgs", &stand_in, "--no-write-lock-file"])
            .env(
                "NIX_CONFIG",
                "experimental-features = nix-command flakes\nsubstituters =\nsandbox = false\nbuild-users-group =",
            )
            .env("HOME", self.root.path())
            .output()
            .unwrap()
    }

    fn attribute(&self, name: &str) -> String {
        format!("path:{}/deploy#{name}", self.root.path().display())
    }

    /// Evaluates `function` of an attribute to JSON.
    #[track_caller]
    fn evaluate(&self, name: &str, function: &str) -> Value {
        let output = self.nix(&["eval", "--json", &self.attribute(name), "--apply", function]);
        serde_json::from_str(&succeeded(&output)).unwrap()
    }
}

fn copy(from: &Path, folder: &Path) {
    let status = Command::new("cp").arg("-r").args([from, folder]).status();
    assert!(status.unwrap().success());
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_package_is_deploy_and_the_static_agents_that_it_sends() {
    let flake = PackageFlake::new();
    let link = flake.root.path().join("result");
    let package = flake.attribute("deploy");
    succeeded(&flake.nix(&["build", &package, "--out-link", link.to_str().unwrap()]));
    let agent = format!("libexec/deploy/{}/activate", testbed::system());
    let bytes = fs::read(link.join(&agent)).unwrap();
    assert!(
        !contains(&bytes, b"/ld-linux"),
        "the agent asks for a loader, so it is not static"
    );
    assert!(runs(&link.join(&agent), &["handshake"]).contains("protocol"));
    assert!(runs(&link.join("bin/deploy"), &["--version"]).starts_with("deploy "));
    let other = if testbed::system() == "aarch64-linux" {
        "x86_64-linux"
    } else {
        "aarch64-linux"
    };
    let agent = link.join(format!("libexec/deploy/{other}/activate"));
    assert_eq!(
        fs::read_to_string(agent).unwrap(),
        format!("deploy-agent for {other}")
    );
}

#[test]
fn the_flake_has_the_names_that_deploy_rs_gives() {
    let flake = PackageFlake::new();
    let names = "set: builtins.mapAttrs (_: value: builtins.attrNames value) set";
    let systems = [
        "aarch64-darwin",
        "aarch64-linux",
        "x86_64-darwin",
        "x86_64-linux",
    ];
    for (output, expected) in [
        (
            "packages",
            json!(["agent", "default", "deploy", "deploy-rs"]),
        ),
        ("apps", json!(["default", "deploy", "deploy-rs"])),
        ("lib", json!(["activate", "deployChecks", "setActivate"])),
        ("devShells", json!(["default"])),
        ("checks", json!(["deploy"])),
    ] {
        let found = flake.evaluate(output, names);
        for system in systems {
            assert_eq!(found[system], expected, "{output}.{system}");
        }
    }
    for system in systems {
        let paths = format!(
            "outputs: {{ package = outputs.packages.{system}.deploy-rs.drvPath; \
             app = outputs.apps.{system}.default.program; shell = outputs.devShells.{system}.default.drvPath; \
             old = outputs.defaultPackage.{system}.drvPath; app_of_old = outputs.defaultApp.{system}.program; }}"
        );
        let wrapped = format!(
            "{{ outputs = {{ self, deploy-rs, ... }}: {{ found = ({paths}) deploy-rs; }}; }}"
        );
        let found = evaluate_user(&flake, &wrapped);
        assert_eq!(found["package"], found["old"]);
        assert_eq!(found["app"], found["app_of_old"]);
    }
    let activate = flake.evaluate(
        &format!("lib.{}.activate", testbed::system()),
        "builtins.attrNames",
    );
    assert_eq!(
        activate,
        json!(["custom", "darwin", "home-manager", "nixos", "noop"])
    );
}

/// Evaluates `found` of a flake whose input deploy-rs is ours.
#[track_caller]
fn evaluate_user(flake: &PackageFlake, text: &str) -> Value {
    let root = flake.root.path();
    let folder = root.join("user");
    fs::create_dir_all(&folder).unwrap();
    let inputs = format!(
        "{{ inputs.nixpkgs.url = \"path:{0}/nix\"; inputs.deploy-rs.url = \"path:{0}/deploy\"; \
         inputs.deploy-rs.inputs.nixpkgs.follows = \"nixpkgs\"; {1}",
        root.display(),
        text.trim_start_matches('{')
    );
    fs::write(folder.join("flake.nix"), inputs).unwrap();
    let name = format!("path:{}#found", folder.display());
    let output = flake.nix(&["eval", "--json", &name]);
    serde_json::from_str(&succeeded(&output)).unwrap()
}

fn environment() -> Value {
    let variables = VARIABLES.iter().filter_map(|name| {
        let value = std::env::var(name).ok()?;
        Some(((*name).to_owned(), value.into()))
    });
    let triple = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let triple = String::from_utf8(triple).unwrap();
    let triple = triple.lines().find_map(|line| line.strip_prefix("host: "));
    let host = ("HOST_TRIPLE".to_owned(), triple.unwrap().into());
    let target = testbed::target_folder();
    let target = target.parent().unwrap().display().to_string();
    let target = ("CARGO_BUILD_BUILD_DIR".to_owned(), target.into());
    Value::Object(variables.chain([host, target]).collect())
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
