//! How a node is reached.

use serde::{Deserialize, Serialize};

use super::{HostName, UserName};

/// A distinct SSH connection. Profiles with an equal one share a master.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The user to log in as.
    pub ssh_user: UserName,
    /// The host name or address.
    pub hostname: HostName,
    /// Arguments for ssh, one word each.
    pub ssh_opts: Vec<String>,
    /// The node is the operator's own machine, and no ssh is needed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local: bool,
}
