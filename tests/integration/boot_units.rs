//! The units that recover at boot: `nix/module.nix` and `examples/systemd` say the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The module, with a stand-in for the little that it takes of nixpkgs.
const EXPRESSION: &str = r#"
    repository:
    let
      module = import (/. + repository + "/nix/module.nix") {
        config.services.deploy-agent = { enable = true; package = "/agent"; };
        lib = {
          mkEnableOption = name: name;
          mkOption = option: option;
          mkIf = condition: content: assert condition; content;
          types.package = "package";
        };
        pkgs.runCommand = name: environment: script: script;
      };
    in
    { inherit (module.config.systemd) services; inherit (module.config) environment; }
"#;

fn module() -> Value {
    let repository = env!("CARGO_MANIFEST_DIR");
    let output = Command::new("nix-instantiate")
        .args(["--eval", "--strict", "--json", "-E"])
        .arg(format!("({EXPRESSION}) \"{repository}\""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The settings of a unit file: words by section and name.
fn example(name: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/systemd");
    let text = fs::read_to_string(folder.join(name)).unwrap();
    let settings = text.lines().filter(|line| !line.starts_with('#'));
    settings
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(list) => {
            let words: Vec<_> = list.iter().map(|word| word.as_str().unwrap()).collect();
            words.join(" ")
        }
        other => other.as_str().unwrap().to_owned(),
    }
}

fn settings(service: &Value) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (own, name) in [
        ("description", "Description"),
        ("after", "After"),
        ("before", "Before"),
        ("conflicts", "Conflicts"),
        ("wantedBy", "WantedBy"),
    ] {
        if let Some(value) = service.get(own) {
            all.insert(name.to_owned(), text(value));
        }
    }
    for section in ["unitConfig", "serviceConfig"] {
        for (name, value) in service[section].as_object().unwrap() {
            // These are for NixOS's own switch-to-configuration.
            if !name.starts_with("X-") {
                let value = text(value).replace("/agent/bin/", "/usr/local/libexec/deploy/");
                all.insert(name.clone(), value);
            }
        }
    }
    all
}

#[test]
fn the_module_and_the_examples_say_the_same() {
    let module = module();
    for name in ["deploy-recover-early", "deploy-recover"] {
        let service = &module["services"][name];
        assert_eq!(settings(service), example(&format!("{name}.service")));
        assert_eq!(service["restartIfChanged"], false);
    }
    let script = module["environment"]["systemPackages"][0].as_str().unwrap();
    assert!(script.contains("/agent/bin/activate"), "{script}");
}

/// What the units call, the agent understands.
#[test]
fn the_units_call_what_there_is() {
    for name in ["deploy-recover-early", "deploy-recover"] {
        let call = example(&format!("{name}.service"))["ExecStart"].clone();
        let arguments: Vec<&str> = call.split(' ').skip(1).collect();
        let output = Command::new(env!("CARGO_BIN_EXE_activate"))
            .args(&arguments)
            .arg("--help")
            .output()
            .unwrap();
        assert!(output.status.success(), "{call}");
    }
}
