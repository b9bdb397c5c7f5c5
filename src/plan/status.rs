//! What nodes are now: the data behind `deploy status` and `deploy rollback --list`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::build_plan::PlannedFleet;
use super::document::Observed;
use super::last_run::LastRun;
use super::observation::{NodeFacts, NodeObservation, ProfileObservation};
use super::verdict::{deployed_instead, running_instead};
use crate::config::{FleetNode, FleetProfile};
use crate::model::{
    AbsolutePath, Generation, GenerationContent, HostName, NodeName, ObservedGeneration, Operator,
    ProfileName, ProfileState, StorePath, UserName,
};

/// The version of the JSON that `deploy status --format json` prints.
pub const STATUS_VERSION: u32 = 1;

/// What nodes are now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// [`STATUS_VERSION`].
    pub format_version: u32,
    /// The nodes, by name.
    pub nodes: Vec<NodeStatus>,
}

/// What a node is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Its name.
    pub node: NodeName,
    /// Its host name or address.
    pub hostname: HostName,
    /// Whether it could be read.
    pub observed: Observed,
    /// Why not.
    pub error: Option<String>,
    /// Its clock, in seconds since 1970.
    pub now: Option<u64>,
    /// Its profiles, in the order of activation.
    pub profiles: Vec<ProfileStatus>,
}

/// What a profile is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileStatus {
    /// Its name.
    pub profile: ProfileName,
    /// The user that it belongs to.
    pub user: UserName,
    /// Its link; unknown where the node could not tell it.
    pub profile_path: Option<AbsolutePath>,
    /// What the link is.
    pub current: ProfileState,
    /// What runs where that is not what the link says: something else was activated since.
    pub runs: Option<StorePath>,
    /// What was deployed last where the link says something else: it was changed since.
    pub deployed: Option<StorePath>,
    /// Its generations, by number.
    pub generations: Vec<GenerationStatus>,
    /// Its last run.
    pub last_run: LastRun,
}

/// What a generation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GenerationStatus {
    /// Its number.
    pub generation: Generation,
    /// Its store path.
    pub path: Option<StorePath>,
    /// When it was made, in UTC (RFC 3339).
    pub made: Option<String>,
    /// Whether it is the current one.
    pub is_current: bool,
    /// Whether it can be activated.
    pub content: GenerationContent,
    /// Who made it, where the record of the last run tells.
    pub made_by: Option<Operator>,
}

impl Status {
    /// Returns what these nodes were seen to be.
    pub fn new(
        fleets: &[PlannedFleet],
        observations: &BTreeMap<NodeName, NodeObservation>,
    ) -> Self {
        let nodes = fleets.iter().flat_map(|planned| &planned.fleet.nodes);
        let mut nodes: Vec<NodeStatus> = nodes
            .map(|node| node_status(node, observations.get(&node.name)))
            .collect();
        nodes.sort_by(|left, right| left.node.cmp(&right.node));
        Self {
            format_version: STATUS_VERSION,
            nodes,
        }
    }

    /// Returns whether a profile is not as its last deployment left it.
    pub fn has_drifted(&self) -> bool {
        let mut profiles = self.nodes.iter().flat_map(|node| &node.profiles);
        profiles.any(|profile| {
            profile.runs.is_some()
                || profile.deployed.is_some()
                || profile.last_run.needs_attention()
        })
    }

    /// Returns whether at least one node could be read.
    pub fn has_any(&self) -> bool {
        self.nodes.iter().any(|node| node.observed == Observed::Ok)
    }
}

impl ProfileStatus {
    /// Returns the current generation, where the link names one that is there.
    pub fn current_generation(&self) -> Option<&GenerationStatus> {
        self.generations
            .iter()
            .find(|generation| generation.is_current)
    }
}

fn node_status(node: &FleetNode, observation: Option<&NodeObservation>) -> NodeStatus {
    let (observed, error) = Observed::of(observation);
    let facts = match observation {
        Some(NodeObservation::Ok(facts)) => Some(facts.as_ref()),
        _ => None,
    };
    let profile = |profile: &FleetProfile| {
        let facts = facts?;
        let observed = facts.profiles.get(&profile.name)?;
        Some(profile_status(profile, observed, facts))
    };
    NodeStatus {
        node: node.name.clone(),
        hostname: node.hostname.clone(),
        observed,
        error,
        now: facts.and_then(|facts| facts.now),
        profiles: node.profiles.iter().filter_map(profile).collect(),
    }
}

fn profile_status(
    profile: &FleetProfile,
    observed: &ProfileObservation,
    facts: &NodeFacts,
) -> ProfileStatus {
    let last_run = LastRun::of(observed);
    let maker = maker(observed, &last_run);
    let current = observed.state.generation();
    let generation = |generation: &ObservedGeneration| GenerationStatus {
        generation: generation.number,
        path: generation.path.clone(),
        made: generation.made.map(date),
        is_current: current == Some(generation.number),
        content: generation.content,
        made_by: maker
            .filter(|(number, _)| *number == generation.number)
            .map(|(_, operator)| operator.clone()),
    };
    ProfileStatus {
        profile: profile.name.clone(),
        user: profile.user.clone(),
        profile_path: Some(observed.profile_path.clone()),
        runs: running_instead(facts, observed),
        deployed: deployed_instead(observed),
        current: observed.state.clone(),
        generations: observed.generations.iter().map(generation).collect(),
        last_run,
    }
}

/// Returns the generation that the last run made or took up, and who started it.
fn maker<'a>(
    observed: &'a ProfileObservation,
    last_run: &LastRun,
) -> Option<(Generation, &'a Operator)> {
    let super::ObservedJournal::Read { journal, .. } = &observed.journal else {
        return None;
    };
    let made = matches!(
        last_run,
        LastRun::Confirmed(_) | LastRun::Degraded(_) | LastRun::LeftFailed(_)
    );
    let is_new = |number: &Generation| made && !journal.previous.generations.contains(number);
    let number = journal.generation.filter(is_new)?;
    // A number that was made, deleted and made again belongs to somebody else.
    let same = |generation: &ObservedGeneration| {
        generation.number == number && generation.path.as_ref() == Some(&journal.target)
    };
    observed
        .generations
        .iter()
        .any(same)
        .then_some((number, &journal.operator))
}

fn date(seconds: u64) -> String {
    // No clock is wrong enough for a time that cannot be written.
    let seconds = seconds.min(253_402_300_799);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}
