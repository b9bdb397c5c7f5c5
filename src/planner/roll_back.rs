//! The plan that takes profiles back to earlier generations.

use std::collections::BTreeMap;

use super::PlannerContext;
use super::changes::changes;
use super::closures::{Names, groups};
use super::files::compare_files_on_nodes;
use super::make_plan::{FleetsRead, MadePlan, PlanRequest, PlannerError};
use super::on_node::{Way, read_ways};
use super::units::add_active;
use crate::config::TargetPath;
use crate::model::{Generation, NodeName, ProfileName, StorePath};
use crate::plan::{
    FileDifferences, NoWayBack, NodeFacts, NodeObservation, PlanInput, PlannedFleet, build_plan,
    way_back,
};

/// A profile that cannot go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Its node.
    pub node: NodeName,
    /// Its name.
    pub profile: ProfileName,
    /// Why not.
    pub reason: NoWayBack,
}

/// Makes the plan that takes each selected profile back: to the generation `to`, or to the one
/// before its current one. Nodes that could not be read are in it as that.
pub async fn plan_roll_back(
    context: &PlannerContext,
    request: PlanRequest,
    read: FleetsRead,
    to: Option<Generation>,
) -> Result<MadePlan, PlannerError> {
    let FleetsRead {
        mut fleets,
        observations,
        ..
    } = read;
    let mut generations = BTreeMap::<Names, Generation>::new();
    let mut ways = Vec::new();
    let mut stuck = Vec::new();
    for planned in &mut fleets {
        for node in &planned.fleet.nodes {
            let Some(NodeObservation::Ok(facts)) = observations.get(&node.name) else {
                continue;
            };
            for profile in &node.profiles {
                let Some(observed) = facts.profiles.get(&profile.name) else {
                    continue;
                };
                let names = (node.name.clone(), profile.name.clone());
                let (generation, path) = match way_back(observed, to) {
                    Ok(found) => found,
                    Err(reason) => {
                        let (node, profile) = names;
                        stuck.push(Stuck {
                            node,
                            profile,
                            reason,
                        });
                        continue;
                    }
                };
                ways.extend(way(facts, profile, &names, &path));
                generations.insert(names.clone(), generation);
                let drv_path = None;
                planned.targets.insert(names, TargetPath { path, drv_path });
            }
        }
    }
    if !stuck.is_empty() {
        return Err(PlannerError::Stuck(stuck));
    }
    let mut compared = read_ways(context, ways).await;
    add_active(&mut compared.units, &observations);
    let wanted = request.compare_files;
    let files = compare_files(context, wanted, (&fleets, &observations)).await;
    let input = PlanInput {
        head: request.head,
        fleets,
        observations,
        generations,
        closures: compared.closures,
        units: compared.units,
        systems: BTreeMap::new(),
    };
    Ok(MadePlan {
        plan: build_plan(&input)?,
        failed_builds: Vec::new(),
        files,
    })
}

async fn compare_files(
    context: &PlannerContext,
    wanted: bool,
    (fleets, observations): (&[PlannedFleet], &BTreeMap<NodeName, NodeObservation>),
) -> Option<FileDifferences> {
    if !wanted {
        return None;
    }
    let changes = changes(fleets, observations);
    let groups = groups(fleets, observations);
    Some(compare_files_on_nodes(context, &groups, &changes).await)
}

fn way(
    facts: &NodeFacts,
    profile: &crate::config::FleetProfile,
    names: &Names,
    target: &StorePath,
) -> Option<Way> {
    let group = (
        names.0.clone(),
        profile.connection.clone(),
        facts.nix_folder.clone()?,
    );
    let observed = facts.profiles.get(&profile.name)?;
    Some(Way {
        names: names.clone(),
        group,
        current: observed.state.path().cloned(),
        target: target.clone(),
    })
}
