//! A generation as it was seen on its node.

use serde::{Deserialize, Serialize};

use super::{Generation, StorePath};

/// A generation of a profile, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObservedGeneration {
    /// Its number.
    pub number: Generation,
    /// The store path that its link names; none for a link to something else.
    pub path: Option<StorePath>,
    /// When it was made, in seconds since 1970.
    pub made: Option<u64>,
    /// What is there.
    pub content: GenerationContent,
}

/// What lies behind the link of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GenerationContent {
    /// A closure with a program that activates it.
    Activatable,
    /// A closure that no known program activates.
    WithoutProgram,
    /// Nothing: the store path is gone.
    Gone,
}
