//! The plan that takes profiles back to earlier generations.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use super::PlannerContext;
use super::closures::{Compared, Group, Names};
use super::make_plan::{FleetsRead, PlanRequest, PlannerError};
use super::units::{add_active, target_units};
use crate::config::TargetPath;
use crate::model::{Generation, NodeName, ProfileName, StorePath};
use crate::observe::{ClosuresQuestion, read_closures};
use crate::plan::{
    Closure, ClosurePair, NoWayBack, NodeFacts, NodeObservation, Plan, PlanInput, build_plan,
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
) -> Result<Plan, PlannerError> {
    let FleetsRead {
        mut fleets,
        observations,
        ..
    } = read;
    let mut generations = BTreeMap::<Names, Generation>::new();
    let mut pairs = Vec::new();
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
                pairs.extend(way(facts, profile, &names, &path));
                generations.insert(names.clone(), generation);
                let drv_path = None;
                planned.targets.insert(names, TargetPath { path, drv_path });
            }
        }
    }
    if !stuck.is_empty() {
        return Err(PlannerError::Stuck(stuck));
    }
    let mut compared = read_pairs(context, pairs).await;
    add_active(&mut compared.units, &observations);
    let input = PlanInput {
        head: request.head,
        fleets,
        observations,
        generations,
        closures: compared.closures,
        units: compared.units,
        systems: BTreeMap::new(),
    };
    Ok(build_plan(&input)?)
}

/// Two closures of one node.
struct Way {
    names: Names,
    group: Group,
    current: Option<StorePath>,
    target: StorePath,
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

/// Reads both closures of each way where they lie; those that a node does not tell are left out. Its
/// units can be compared if what it goes back to lies here too.
async fn read_pairs(context: &PlannerContext, ways: Vec<Way>) -> Compared {
    let mut groups = BTreeMap::<Group, Vec<Way>>::new();
    for way in ways {
        groups.entry(way.group.clone()).or_default().push(way);
    }
    let mut reading = JoinSet::new();
    for ((_, connection, nix_folder), ways) in groups {
        let context = context.clone();
        reading.spawn(async move {
            let current = ways.iter().filter_map(|way| way.current.as_ref());
            let system = target_units(ways.iter().map(|way| (way.names.clone(), &way.target)));
            let question = ClosuresQuestion {
                nix_folder: &nix_folder,
                current: current.chain(ways.iter().map(|way| &way.target)).collect(),
                candidates: BTreeSet::new(),
                units: system.as_ref().map(|(_, units)| units),
            };
            let read = read_closures(&context.pool, &connection, &context.mark, &question).await;
            let read = read.unwrap_or_default();
            let names = system.map(|(names, _)| names);
            let closures = ways.iter().filter_map(|way| way.pair(&read.current));
            Compared {
                closures: closures.collect(),
                units: names.zip(read.units).into_iter().collect(),
            }
        });
    }
    reading.join_all().await.into_iter().collect()
}

impl Way {
    fn pair(&self, closures: &BTreeMap<StorePath, Closure>) -> Option<(Names, ClosurePair)> {
        let before = match &self.current {
            None => None,
            Some(current) => Some(closures.get(current)?.clone()),
        };
        let pair = ClosurePair {
            before,
            after: closures.get(&self.target)?.clone(),
            missing: BTreeSet::new(),
        };
        Some((self.names.clone(), pair))
    }
}
