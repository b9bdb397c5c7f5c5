//! Whether a saved plan still fits: all its nodes are read again before the first change.

use std::collections::BTreeMap;

use super::result::stale_message;
use crate::config::{FleetNode, FleetProfile, ProfileLocation};
use crate::model::{NodeName, ProfileName, ProfileState};
use crate::plan::{Action, NodeObservation, Observed, Plan};

/// A profile that is neither what the plan saw nor at its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleProfile {
    /// Its node.
    pub node: NodeName,
    /// Its name.
    pub profile: ProfileName,
    /// What was expected and found.
    pub message: String,
}

/// Returns the nodes of a plan that are to be read again, as the fleet had them.
pub fn fleet_nodes(plan: &Plan) -> Vec<FleetNode> {
    let readable = plan
        .nodes
        .iter()
        .filter(|node| node.observed == Observed::Ok);
    let nodes = readable.map(|node| FleetNode {
        name: node.node.clone(),
        hostname: node.hostname.clone(),
        depends_on: node.depends_on.clone(),
        profiles: plan.profiles_of(&node.node).map(fleet_profile).collect(),
    });
    nodes.filter(|node| !node.profiles.is_empty()).collect()
}

fn fleet_profile(planned: &crate::plan::PlannedProfile) -> FleetProfile {
    let location = planned
        .profile_path
        .clone()
        .map_or(ProfileLocation::UserFolder, ProfileLocation::Path);
    FleetProfile {
        name: planned.profile.clone(),
        user: planned.user.clone(),
        connection: planned.connection.clone(),
        location,
        settings: planned.settings.clone(),
    }
}

/// Returns the profiles that are stale now. Nodes that cannot be read are not: they drop out by
/// themselves when they are copied to.
pub fn find_stale(
    plan: &Plan,
    observations: &BTreeMap<NodeName, NodeObservation>,
) -> Vec<StaleProfile> {
    let mut stale = Vec::new();
    for planned in plan
        .profiles
        .iter()
        .filter(|profile| profile.action != Action::Unchanged)
    {
        let Some(NodeObservation::Ok(facts)) = observations.get(&planned.node) else {
            continue;
        };
        let Some(observed) = facts.profiles.get(&planned.profile) else {
            continue;
        };
        let is_at_target = match planned.action {
            Action::RollBack => observed.state.generation() == planned.target.generation,
            _ => observed.state.path() == Some(&planned.target.path),
        };
        let unknown = |state: &ProfileState| matches!(state, ProfileState::Unknown { .. });
        if observed.state == planned.current
            || is_at_target
            || unknown(&planned.current)
            || unknown(&observed.state)
        {
            continue;
        }
        stale.push(StaleProfile {
            node: planned.node.clone(),
            profile: planned.profile.clone(),
            message: stale_message(&planned.current, &observed.state),
        });
    }
    stale
}
