//! What was read on a node: the second half of what a plan is made of.

use std::collections::BTreeMap;

use crate::model::{AbsolutePath, Generation, ProfileName, ProfileState, StorePath};
use crate::protocol::Journal;

/// What came of reading a node.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeObservation {
    /// It was read.
    Ok(Box<NodeFacts>),
    /// It could not be reached.
    Unreachable {
        /// What ssh said.
        reason: String,
    },
    /// It was reached, but cannot be used.
    Failed {
        /// Why.
        reason: String,
    },
}

/// What a node is and runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeFacts {
    /// Its system, such as `x86_64-linux`.
    pub system: Option<String>,
    /// The first line of `nix --version`.
    pub nix_version: Option<String>,
    /// The folder that holds Nix's programs.
    pub nix_folder: Option<AbsolutePath>,
    /// Whether that folder is on the PATH of SSH sessions.
    pub nix_on_path: bool,
    /// Whether the login prints text of its own, which breaks copying.
    pub login_is_noisy: bool,
    /// Whether each login asks the operator for something.
    pub login_asks: bool,
    /// Free space where the store lies, in bytes.
    pub free_bytes: Option<u64>,
    /// Whether the store takes unsigned paths from this user.
    pub trusted: Option<bool>,
    /// The id of the running boot.
    pub boot_id: Option<String>,
    /// What `/run/current-system` resolves to.
    pub current_system: Option<StorePath>,
    /// What `/run/booted-system` resolves to.
    pub booted_system: Option<StorePath>,
    /// The profiles that were asked for.
    pub profiles: BTreeMap<ProfileName, ProfileObservation>,
}

/// What a profile is.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileObservation {
    /// The profile link.
    pub profile_path: AbsolutePath,
    /// What the link is.
    pub state: ProfileState,
    /// The generation with the highest number, and what it resolves to.
    pub newest: Option<(Generation, Option<StorePath>)>,
    /// The journal of an activation that has not ended, if its agent is gone or still at work.
    pub pending: Option<Journal>,
    /// Whether sudo runs the agent as the profile's user without a password; none where no sudo is needed.
    pub sudo_allowed: Option<bool>,
}
