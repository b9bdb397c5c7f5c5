//! What was read on a node: the second half of what a plan is made of.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::system_parts::SystemParts;
use super::units::ActiveUnits;
use crate::model::{
    AbsolutePath, Generation, ObservedGeneration, ProfileName, ProfileState, StorePath,
};
use crate::protocol::{Holder, Journal};

/// What came of reading a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct NodeFacts {
    /// Its system, such as `x86_64-linux`.
    pub system: Option<String>,
    /// Its Nix, such as `nix-2.24.1`, where that lies in the store.
    pub nix_version: Option<String>,
    /// The folder that holds Nix's programs.
    pub nix_folder: Option<AbsolutePath>,
    /// Whether that folder is on the PATH of SSH sessions.
    pub nix_on_path: bool,
    /// An agent of root's at a fixed path, which speaks this protocol.
    pub installed_agent: Option<AbsolutePath>,
    /// Whether there is no agent of ours for its system.
    #[serde(default)]
    pub lacks_agent: bool,
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
    /// Its clock, in seconds since 1970.
    pub now: Option<u64>,
    /// What `/run/current-system` resolves to.
    pub current_system: Option<StorePath>,
    /// What `/run/booted-system` resolves to.
    pub booted_system: Option<StorePath>,
    /// The parts of that system that only a reboot changes.
    pub booted_parts: SystemParts,
    /// The units that are not inactive; none where systemd does not tell.
    #[serde(default)]
    pub active_units: Option<ActiveUnits>,
    /// The profiles whose agent logind would end together with the login that started it.
    pub mortal: BTreeSet<ProfileName>,
    /// The profiles that were asked for.
    pub profiles: BTreeMap<ProfileName, ProfileObservation>,
}

impl NodeFacts {
    /// Returns the folder of Nix's programs where copying must be told of it.
    pub fn hidden_nix(&self) -> Option<AbsolutePath> {
        self.nix_folder.clone().filter(|_| !self.nix_on_path)
    }
}

/// What a profile is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileObservation {
    /// The profile link.
    pub profile_path: AbsolutePath,
    /// What the link is.
    pub state: ProfileState,
    /// The generation with the highest number, and what it resolves to.
    pub newest: Option<(Generation, Option<StorePath>)>,
    /// All generations, by number; none where they could not be read.
    pub generations: Vec<ObservedGeneration>,
    /// The journal of the last activation, whoever made it.
    pub journal: ObservedJournal,
    /// Who works on the profile now.
    pub lock: ObservedLock,
    /// Whether sudo runs the agent as the profile's user without a password; none where no sudo is needed.
    pub sudo_allowed: Option<bool>,
    /// The units of its user that are not inactive, where it is a home with units and the login is that
    /// user's.
    #[serde(default)]
    pub active_units: Option<ActiveUnits>,
}

impl ProfileObservation {
    /// Returns the journal of an activation that has not ended, if its agent is gone or still at work.
    pub fn pending(&self) -> Option<&Journal> {
        match &self.journal {
            ObservedJournal::Read { journal, .. } if journal.phase.is_pending() => Some(journal),
            _ => None,
        }
    }

    /// Returns the journal of an activation that nobody works on any more and that has not ended.
    pub fn interrupted(&self) -> Option<&Journal> {
        self.pending().filter(|_| self.lock == ObservedLock::Free)
    }

    /// Returns whether an activation has not ended that somebody works on.
    pub fn is_at_work(&self) -> bool {
        self.pending().is_some() && self.interrupted().is_none()
    }
}

/// What was read of a profile's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservedJournal {
    /// There is none: no run of this tool has changed the profile.
    None,
    /// It was read.
    Read {
        /// The journal, in the agent's own format.
        #[schemars(with = "serde_json::Value")]
        journal: Box<Journal>,
        /// When it was written, in seconds since 1970 by the node's clock.
        written: Option<u64>,
    },
    /// It is there, but makes no sense to this version.
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// It could not be looked at.
    Unknown,
}

/// Whether somebody works on a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservedLock {
    /// Nobody does.
    Free,
    /// A live process holds it.
    Held {
        /// Who, where that could be read, in the agent's own format.
        #[schemars(with = "Option<serde_json::Value>")]
        holder: Option<Holder>,
    },
    /// The system does not tell.
    Unknown,
}
