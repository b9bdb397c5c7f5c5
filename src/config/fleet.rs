//! The checked fleet: nodes and profiles with every setting in force.

use std::collections::BTreeMap;

use crate::model::{
    AbsolutePath, Connection, HostName, NodeName, ProfileName, ProfileSettings, StorePath, UserName,
};

/// The selected part of a flake's `deploy` attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// The selected nodes, by name.
    pub nodes: Vec<FleetNode>,
    /// The names of all nodes of the flake.
    pub node_names: Vec<NodeName>,
    /// What is worth knowing but stops nothing, such as an unknown option.
    pub warnings: Vec<String>,
}

/// A selected node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetNode {
    /// Its name.
    pub name: NodeName,
    /// Its host name or address.
    pub hostname: HostName,
    /// The nodes whose activations come first.
    pub depends_on: Vec<NodeName>,
    /// Its selected profiles, in the order of activation.
    pub profiles: Vec<FleetProfile>,
}

/// A selected profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetProfile {
    /// Its name.
    pub name: ProfileName,
    /// The user that it belongs to.
    pub user: UserName,
    /// How its node is reached for it.
    pub connection: Connection,
    /// Where its link lies.
    pub location: ProfileLocation,
    /// The settings in force.
    pub settings: ProfileSettings,
}

/// Where a profile link lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileLocation {
    /// At this path.
    Path(AbsolutePath),
    /// In the user's folder of profiles, which only the node knows.
    UserFolder,
}

/// What a profile shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPath {
    /// The store path.
    pub path: StorePath,
    /// The derivation that builds it; none for a path that is no derivation's output.
    pub drv_path: Option<StorePath>,
}

/// The targets of all selected profiles.
pub type Targets = BTreeMap<(NodeName, ProfileName), TargetPath>;
