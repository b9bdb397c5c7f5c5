//! What Nix prints for the expression, as it stands in JSON.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Everything that the expression evaluates to.
#[derive(Debug, Deserialize)]
pub struct Evaluation {
    /// The settings.
    pub settings: RawSettings,
    share: Vec<String>,
    pub(super) targets: BTreeMap<String, BTreeMap<String, RawTarget>>,
}

/// What is traced before any path is forced.
#[derive(Debug, Clone, Deserialize)]
pub struct Begun {
    /// The settings.
    pub settings: RawSettings,
    /// The nodes whose paths this evaluator goes on with, in this order.
    pub share: Vec<String>,
}

impl Evaluation {
    /// Returns what was traced, or should have been.
    pub fn begun(&self) -> Begun {
        Begun {
            settings: self.settings.clone(),
            share: self.share.clone(),
        }
    }
}

/// The settings of the fleet and of the selected nodes and profiles.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawSettings {
    pub(super) fleet: Level,
    pub(super) nodes_type: Option<String>,
    pub(super) node_names: Vec<String>,
    pub(super) nodes: BTreeMap<String, RawNode>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Level {
    pub(super) r#type: String,
    pub(super) options: BTreeMap<String, Described>,
    pub(super) unknown: Vec<String>,
    /// Whether a profile has a `path`.
    #[serde(default, rename = "hasPath")]
    pub(super) has_path: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawNode {
    pub(super) r#type: String,
    pub(super) options: BTreeMap<String, Described>,
    pub(super) unknown: Vec<String>,
    pub(super) profiles_type: Option<String>,
    pub(super) profile_names: Vec<String>,
    pub(super) profiles: BTreeMap<String, Level>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Described {
    pub(super) r#type: String,
    pub(super) value: serde_json::Value,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawTarget {
    pub(super) r#type: Option<String>,
    #[serde(default)]
    pub(super) derivations: Vec<String>,
    pub(super) store_path: Option<String>,
    pub(super) drv_path: Option<String>,
}

impl Described {
    /// Returns the value for a message: its kind, and itself where that is short.
    pub(super) fn found(&self) -> String {
        match self.r#type.as_str() {
            "list" | "int" | "bool" | "string" => format!("{} {}", kind(&self.r#type), self.value),
            other => kind(other),
        }
    }
}

/// Returns the words for what `builtins.typeOf` calls a type.
fn kind(nix_type: &str) -> String {
    match nix_type {
        "lambda" => "a function".to_owned(),
        "null" => "null".to_owned(),
        "set" => "an attribute set".to_owned(),
        "list" => "the list".to_owned(),
        "int" => "the number".to_owned(),
        "bool" => "the truth value".to_owned(),
        "string" => "the text".to_owned(),
        other => format!("a value of type {other}"),
    }
}
