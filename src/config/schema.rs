//! The JSON schema of the flake's `deploy` attribute, made from the table of its options.

use serde_json::{Map, Value, json};

use super::options::{self, FlakeOption};

/// Returns the schema of what `builtins.toJSON` makes of the attribute. Where deploy-rs's own
/// takes any name, so that a misspelled option passes, this one takes none that is not known.
pub fn fleet_schema() -> Value {
    let mut definitions: Map<String, Value> = options::GENERIC.iter().map(described).collect();
    definitions.insert(
        "node".into(),
        level(&options::NODE, &["hostname", "profiles"]),
    );
    definitions.insert("profile".into(), level(&options::PROFILE, &["path"]));
    let mut schema = level(&options::FLEET, &["nodes"]);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "Fleet".into();
    schema["description"] = "The deploy attribute of a flake".into();
    schema["$defs"] = definitions.into();
    schema
}

fn level(own: &[FlakeOption], required: &[&str]) -> Value {
    let reference = |option: &FlakeOption| {
        let place = format!("#/$defs/{}", option.name);
        (option.name.to_owned(), json!({ "$ref": place }))
    };
    let generic = options::GENERIC.iter().map(reference);
    let properties: Map<String, Value> = own.iter().map(described).chain(generic).collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn described(option: &FlakeOption) -> (String, Value) {
    let mut schema = option.kind.schema();
    schema["description"] = option.meaning.into();
    (option.name.to_owned(), schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(fleet: &Value) -> Vec<String> {
        let schema = jsonschema::validator_for(&fleet_schema()).unwrap();
        schema
            .iter_errors(fleet)
            .map(|error| error.to_string())
            .collect()
    }

    fn fleet(profile: &Value) -> Value {
        json!({ "sshUser": "root", "nodes": { "a.b": {
            "hostname": "::1", "dependsOn": ["c"], "profiles": { "system": profile },
        } } })
    }

    #[test]
    fn takes_every_option_at_a_profile() {
        let all = json!({
            "path": "/nix/store/x", "profilePath": "/p", "sshUser": "a", "user": null, "sshOpts": ["-p", "2222"],
            "fastConnection": true, "autoRollback": false, "magicRollback": true, "tempPath": "/tmp",
            "sudo": "doas -u", "interactiveSudo": true, "remoteBuild": true, "activationTimeout": 1,
            "confirmTimeout": 2, "onDegraded": "keep", "confirmHostname": "x", "confirmSshOpts": [],
        });
        assert_eq!(
            all.as_object().unwrap().len(),
            options::known(&options::PROFILE).len()
        );
        assert_eq!(errors(&fleet(&all)), [""; 0]);
    }

    #[test]
    fn refuses_what_a_typo_hides_in() {
        for (profile, expected) in [
            (
                json!({ "path": "/x", "magicRollbak": true }),
                "magicRollbak",
            ),
            (json!({ "path": "/x", "hostname": "x" }), "hostname"),
            (json!({ "path": "/x", "confirmTimeout": "30" }), "\"30\""),
            (json!({ "path": "/x", "activationTimeout": -1 }), "-1"),
            (json!({ "path": "/x", "onDegraded": "ignore" }), "ignore"),
            (json!({ "path": "/x", "tempPath": "tmp" }), "tmp"),
            (json!({ "user": "root" }), "path"),
        ] {
            let errors = errors(&fleet(&profile)).join("\n");
            assert!(errors.contains(expected), "{expected}: {errors}");
        }
    }
}
