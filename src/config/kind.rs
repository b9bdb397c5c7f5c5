//! What an option takes: in words, as a check, and as a JSON schema.

use serde_json::{Value, json};

use super::raw::Described;
use crate::model::{AbsolutePath, HostName, InvalidText, UserName};

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

/// Why a value does not fit.
#[derive(Debug)]
pub(super) enum Misfit {
    /// It is of another type.
    Type { expected: String },
    /// It is a text that cannot be used.
    Text(InvalidText),
}

impl Kind {
    /// Says what is wrong with a value, if anything is. Null stands for an option that is not given.
    pub(super) fn misfit(self, described: &Described) -> Option<Misfit> {
        let value = &described.value;
        let texts = || value.as_array()?.iter().map(Value::as_str).collect();
        let fits = match self {
            _ if described.r#type == "null" => true,
            Self::Nodes | Self::Profiles => described.r#type == "set",
            Self::Closure => true,
            Self::Text | Self::UserName | Self::HostName | Self::AbsolutePath => value.is_string(),
            Self::Truth => value.is_boolean(),
            Self::Seconds => value.is_u64(),
            Self::Texts | Self::Names => Option::<Vec<&str>>::is_some(&texts()),
            Self::Choice(choices) => value.as_str().is_some_and(|text| choices.contains(&text)),
        };
        if !fits {
            let expected = self.expected();
            return Some(Misfit::Type { expected });
        }
        self.checked(value.as_str()?).err().map(Misfit::Text)
    }

    fn checked(self, text: &str) -> Result<(), InvalidText> {
        let text = text.to_owned();
        match self {
            Self::UserName => UserName::try_from(text).map(drop),
            Self::HostName => HostName::try_from(text).map(drop),
            Self::AbsolutePath => AbsolutePath::try_from(text).map(drop),
            _ => Ok(()),
        }
    }

    /// Returns what it takes, in words.
    fn expected(self) -> String {
        let words = match self {
            Self::Text | Self::UserName | Self::HostName | Self::AbsolutePath => "a text",
            Self::Truth => "true or false",
            Self::Seconds => "a number of seconds",
            Self::Texts => "a list of texts",
            Self::Names => "a list of names",
            Self::Choice(choices) => {
                let quoted = choices.iter().map(|choice| format!("\"{choice}\""));
                return quoted.collect::<Vec<_>>().join(" or ");
            }
            Self::Nodes | Self::Profiles => "an attribute set",
            Self::Closure => "a derivation or a store path",
        };
        words.to_owned()
    }

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
