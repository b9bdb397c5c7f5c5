//! What Nix prints for a fleet, with something wrong in it.

use proptest::prelude::*;

use super::{Evaluation, Origin, ParseContext, Selection, parse_fleet, parse_targets};
use crate::model::FlagSettings;
use crate::model::mutated::{mutated, saved_cases};

const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/evaluation.txt");

const VALID: &str = r#"{
  "settings": {
    "fleet": {
      "type": "set",
      "options": {"sshUser": {"type": "string", "value": "root"}},
      "unknown": ["sshUsr"]
    },
    "nodesType": "set",
    "nodeNames": ["router", "web1"],
    "nodes": {
      "web1": {
        "type": "set",
        "options": {
          "hostname": {"type": "string", "value": "web1.example.org"},
          "dependsOn": {"type": "list", "value": ["router"]},
          "profilesOrder": {"type": "list", "value": ["app"]},
          "sshOpts": {"type": "list", "value": ["-p", "2222"]}
        },
        "unknown": [],
        "profilesType": "set",
        "profileNames": ["app"],
        "profiles": {
          "app": {
            "type": "set",
            "options": {
              "user": {"type": "string", "value": "alice"},
              "confirmTimeout": {"type": "int", "value": 30},
              "magicRollback": {"type": "bool", "value": true}
            },
            "unknown": []
          }
        }
      }
    }
  },
  "share": ["web1"],
  "targets": {
    "web1": {
      "app": {
        "type": "set",
        "derivations": ["/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-app.drv"],
        "storePath": "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-app",
        "drvPath": "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-app.drv"
      }
    }
  }
}"#;

/// Returns whether it is a fleet with its targets; else it was refused, and that was said.
fn is_fleet(text: &str) -> bool {
    let Ok(evaluation) = serde_json::from_str::<Evaluation>(text) else {
        return false;
    };
    let context = ParseContext {
        selection: &Selection {
            origin: Origin::Flake(".".to_owned()),
            nodes: None,
            excluded: [].into(),
        },
        flags: &FlagSettings::default(),
        login: &"operator".parse().unwrap(),
    };
    let refusals = [
        parse_fleet(&evaluation.settings, &context).err(),
        parse_targets(&evaluation, &context.selection.origin).err(),
    ];
    for refusal in refusals.iter().flatten() {
        assert!(!refusal.to_string().is_empty());
    }
    refusals.iter().all(Option::is_none)
}

#[test]
fn with_nothing_wrong_it_is_a_fleet() {
    assert!(is_fleet(VALID));
}

proptest! {
    #![proptest_config(saved_cases(SAVED))]

    #[test]
    fn an_evaluation_is_a_fleet_or_refused(text in mutated(VALID)) {
        is_fleet(&text);
    }
}
