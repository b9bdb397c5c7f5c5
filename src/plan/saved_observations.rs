//! What nodes were at some time, saved so that plans can be made without access to them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::closure::Closure;
use super::json_file::{DocumentError, parse_document};
use super::observation::NodeObservation;
use crate::config::FleetNode;
use crate::model::{NodeName, Operator, StorePath};

/// The version of the format of saved observations.
pub const OBSERVATIONS_VERSION: u32 = 1;

/// What nodes were at some time: what `deploy status --out` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedObservations {
    /// [`OBSERVATIONS_VERSION`] of the writer.
    pub format_version: u32,
    /// The version of the `deploy` that wrote it.
    pub deploy_version: String,
    /// When the nodes were read, in UTC (RFC 3339).
    pub read_at: String,
    /// Who read them.
    pub operator: Operator,
    /// The nodes, by name.
    pub nodes: BTreeMap<NodeName, NodeObservation>,
    /// The closures of what their profiles are, as far as the nodes told them.
    pub closures: BTreeMap<StorePath, Closure>,
}

impl SavedObservations {
    /// Returns what a node was.
    pub fn of_node(&self, node: &FleetNode) -> NodeObservation {
        let missing = || NodeObservation::Failed {
            reason: "the saved observations do not have it".to_owned(),
        };
        self.nodes.get(&node.name).cloned().unwrap_or_else(missing)
    }

    /// Returns the text of the file: JSON with a line end.
    pub fn render(&self) -> String {
        // The keys of its maps are written as strings, so that this cannot fail.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Returns the observations that a file holds.
    pub fn parse(text: &[u8]) -> Result<Self, DocumentError> {
        parse_document(text, OBSERVATIONS_VERSION)
    }
}
