//! What becomes of each unit, as the plan says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::UnitName;

/// What a change does to the units of its node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitChanges {
    /// Whether it is known which units run. Where it is not, what happens to a unit happens only
    /// if that runs.
    pub active_known: bool,
    /// The units of the system that differ, or that something happens to, by name.
    pub system: Vec<UnitChange>,
    /// The same of users' units: of those of the profile's user where the profile is a home, and of
    /// those that the system gives to all users.
    #[serde(default)]
    pub user_active_known: bool,
    /// The units of users that differ, or that something happens to, by name.
    pub user: Vec<UnitChange>,
    /// What could not be looked at.
    pub unseen: Vec<String>,
}

/// What becomes of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitChange {
    /// Its name.
    pub unit: UnitName,
    /// What its files have become.
    pub change: UnitChangeKind,
    /// What happens to it on the node.
    pub effect: UnitEffect,
}

/// What has become of a unit's files.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UnitChangeKind {
    /// It is new, or not masked any more.
    Added,
    /// It is gone, or masked.
    Removed,
    /// They differ, or those that override it.
    Changed,
    /// They are the same: it is touched because of another unit.
    Unchanged,
}

/// What happens to a unit on the node.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UnitEffect {
    /// It runs on with the old definition, because it says that it must not be restarted.
    Kept,
    /// Nothing.
    None,
    /// Nothing before its user logs in anew, or somebody starts it anew.
    NextLogin,
    /// It is started.
    Start,
    /// It is told to read its configuration again.
    Reload,
    /// It is restarted.
    Restart,
    /// It is stopped before the activation, and started after it.
    StopStart,
    /// It is stopped.
    Stop,
    /// Its files could not be read.
    Unknown,
}
