//! Comparing closures that both lie on their node: what it goes back to, or has built itself.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use super::PlannerContext;
use super::closures::{Compared, Group, Names, told_units};
use super::units::units_questions;
use crate::model::StorePath;
use crate::observe::{ClosuresQuestion, read_closures};
use crate::plan::{Closure, ClosurePair};

/// From one closure of a node to another.
pub(super) struct Way {
    pub(super) names: Names,
    pub(super) group: Group,
    pub(super) current: Option<StorePath>,
    pub(super) target: StorePath,
}

/// Reads both closures of each way where they lie; those that a node does not tell are left out. Its
/// units can be compared if what it goes back to lies here too.
pub(super) async fn read_ways(context: &PlannerContext, ways: Vec<Way>) -> Compared {
    let mut groups = BTreeMap::<Group, Vec<Way>>::new();
    for way in ways {
        groups.entry(way.group.clone()).or_default().push(way);
    }
    let mut reading = JoinSet::new();
    for ((_, connection, nix_folder), ways) in groups {
        let context = context.clone();
        reading.spawn(async move {
            let current = ways.iter().filter_map(|way| way.current.as_ref());
            let (asked, units) = units_questions(
                ways.iter()
                    .map(|way| (way.names.clone(), way.current.as_ref(), &way.target)),
            );
            let question = ClosuresQuestion {
                nix_folder: &nix_folder,
                current: current.chain(ways.iter().map(|way| &way.target)).collect(),
                candidates: BTreeSet::new(),
                units: &units,
            };
            let read = read_closures(&context.pool, &connection, &context.mark, &question).await;
            let read = read.unwrap_or_default();
            let closures = ways.iter().filter_map(|way| way.pair(&read.current));
            Compared {
                closures: closures.collect(),
                units: told_units(asked, read.units),
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
