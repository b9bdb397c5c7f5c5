//! What a plan was compared with: the nodes themselves, or what stands in for them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build_plan::root_profile;
use super::document::Flake;
use super::observation::{
    NodeFacts, NodeObservation, ObservedJournal, ObservedLock, ProfileObservation,
};
use super::system_parts::SystemParts;
use crate::config::{Fleet, FleetNode, FleetProfile, ProfileLocation, Targets};
use crate::model::{AbsolutePath, NodeName, Operator, ProfileName, ProfileState, StorePath};

/// What a plan was compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Basis {
    /// The nodes, read when the plan was made. Only such a plan can be applied.
    #[default]
    Nodes,
    /// Another revision of the flake, as if the nodes ran what that says. No node was asked.
    Base {
        /// The other revision.
        flake: Flake,
    },
    /// What was read of the nodes earlier.
    Observations {
        /// When, in UTC (RFC 3339).
        read_at: String,
        /// Who read them.
        operator: Operator,
    },
}

impl Basis {
    /// Returns whether apply may take the plan.
    pub fn is_applicable(&self) -> bool {
        *self == Self::Nodes
    }

    /// Returns whether nodes told what they are, now or earlier.
    pub fn knows_nodes(&self) -> bool {
        !matches!(self, Self::Base { .. })
    }

    /// Returns what the plan was compared with in words, where that is not the nodes as they are.
    pub fn describe(&self) -> Option<String> {
        match self {
            Self::Nodes => None,
            Self::Base { flake } => Some(format!(
                "compared with {}, no node was asked: this plan cannot be applied",
                flake.locked
            )),
            Self::Observations { read_at, operator } => Some(format!(
                "compared with what {operator} read at {read_at}: this plan cannot be applied"
            )),
        }
    }
}

/// Returns the nodes of a fleet as they would be if they ran what another revision says.
///
/// `systems` has the parts of its targets that only a reboot changes, as if each was booted.
pub fn nodes_of_base(
    fleet: &Fleet,
    base: &Targets,
    systems: &BTreeMap<StorePath, SystemParts>,
) -> BTreeMap<NodeName, NodeObservation> {
    let node = |node: &FleetNode| {
        let profiles = node.profiles.iter().filter_map(|profile| {
            let target = base.get(&(node.name.clone(), profile.name.clone()));
            let path = target.map(|target| target.path.clone());
            Some((profile.name.clone(), profile_of_base(profile, path)?))
        });
        let profiles: BTreeMap<ProfileName, ProfileObservation> = profiles.collect();
        let paths = profiles.values().filter_map(|profile| profile.state.path());
        let mut booted = paths.filter_map(|path| systems.get(path));
        let facts = NodeFacts {
            booted_parts: booted
                .find(|parts| **parts != SystemParts::default())
                .cloned()
                .unwrap_or_default(),
            profiles,
            ..NodeFacts::default()
        };
        (node.name.clone(), NodeObservation::Ok(Box::new(facts)))
    };
    fleet.nodes.iter().map(node).collect()
}

fn profile_of_base(profile: &FleetProfile, path: Option<StorePath>) -> Option<ProfileObservation> {
    let state = match path {
        None => ProfileState::Absent {
            highest_generation: None,
        },
        path => ProfileState::Present {
            generation: None,
            path,
            highest_generation: None,
        },
    };
    Some(ProfileObservation {
        profile_path: usual_path(profile)?,
        state,
        newest: None,
        generations: Vec::new(),
        journal: ObservedJournal::None,
        lock: ObservedLock::Unknown,
        sudo_allowed: None,
        active_units: None,
    })
}

/// Where the profile lies on most nodes. The plan does not say it: only a node knows.
fn usual_path(profile: &FleetProfile) -> Option<AbsolutePath> {
    let FleetProfile { name, user, .. } = profile;
    match &profile.location {
        ProfileLocation::Path(path) => Some(path.clone()),
        ProfileLocation::UserFolder => root_profile(user, name).or_else(|| {
            let path = format!("/nix/var/nix/profiles/per-user/{user}/{name}");
            path.parse().ok()
        }),
    }
}

/// Returns sentences on the profiles that only the other revision has.
pub fn only_in_base(fleet: &Fleet, base: &Targets) -> Vec<String> {
    let has = |(node, profile): &(NodeName, ProfileName)| {
        let mut nodes = fleet.nodes.iter().filter(|other| other.name == *node);
        nodes.any(|node| node.profiles.iter().any(|other| other.name == *profile))
    };
    let gone = base.keys().filter(|names| !has(names));
    gone.map(|(node, profile)| {
        format!("{node}.{profile} is no longer in the fleet: what its node has of it stays there")
    })
    .collect()
}
