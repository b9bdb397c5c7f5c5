//! What an option takes, as a JSON schema.

use serde_json::{Value, json};

/// What an option takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    UserName,
    HostName,
    AbsolutePath,
    Truth,
    Seconds,
    Texts,
    /// Names of nodes or profiles, each once.
    Names,
    Choice(&'static [&'static str]),
    Nodes,
    Profiles,
    Closure,
}

impl Kind {
    /// Returns the schema of what `builtins.toJSON` makes of a value.
    pub(super) fn schema(self) -> Value {
        let named = |definition: &str| {
            json!({
                "type": "object",
                "propertyNames": { "pattern": "^[^/]+$" },
                "additionalProperties": { "$ref": format!("#/$defs/{definition}") },
            })
        };
        match self {
            Self::Text => json!({ "type": ["string", "null"] }),
            Self::UserName | Self::HostName => {
                json!({ "type": ["string", "null"], "pattern": "^[^-]" })
            }
            Self::AbsolutePath => json!({ "type": ["string", "null"], "pattern": "^/" }),
            Self::Truth => json!({ "type": ["boolean", "null"] }),
            Self::Seconds => json!({ "type": ["integer", "null"], "minimum": 0 }),
            Self::Texts => json!({ "type": ["array", "null"], "items": { "type": "string" } }),
            Self::Names => json!({
                "type": ["array", "null"], "items": { "type": "string" }, "uniqueItems": true,
            }),
            Self::Choice(choices) => {
                let choices = choices.iter().copied().map(Value::from);
                let choices: Vec<_> = choices.chain([Value::Null]).collect();
                json!({ "enum": choices })
            }
            Self::Nodes => named("node"),
            Self::Profiles => named("profile"),
            Self::Closure => json!({ "type": "string", "pattern": "^/" }),
        }
    }
}
