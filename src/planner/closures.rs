//! The closures of profiles that change: the target's from here, the current one from the node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::PlannerContext;
use crate::model::{AbsolutePath, Connection, NodeName, ProfileName, StorePath};
use crate::nix::{NixError, closures};
use crate::observe::{NodeClosures, read_closures};
use crate::plan::{Closure, ClosurePair};

/// A profile that changes.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) node: NodeName,
    pub(super) profile: ProfileName,
    pub(super) connection: Connection,
    pub(super) nix_folder: AbsolutePath,
    pub(super) current: Option<StorePath>,
    pub(super) target: StorePath,
}

/// Profiles of one node that are read over one connection.
pub(super) type Group = (NodeName, Connection, AbsolutePath);

/// Returns the closures of these changes; those that a node does not tell are left out.
pub(super) async fn compare_changes(
    context: &PlannerContext,
    changes: &[Change],
) -> Result<BTreeMap<(NodeName, ProfileName), ClosurePair>, NixError> {
    let targets: BTreeSet<StorePath> = changes.iter().map(|change| change.target.clone()).collect();
    let targets = Arc::new(closures(&targets).await?);
    let mut groups = BTreeMap::<Group, Vec<Change>>::new();
    for change in changes {
        let group = (
            change.node.clone(),
            change.connection.clone(),
            change.nix_folder.clone(),
        );
        groups.entry(group).or_default().push(change.clone());
    }
    let mut reading = JoinSet::new();
    for ((_, connection, nix_folder), changes) in groups {
        let (context, targets) = (context.clone(), Arc::clone(&targets));
        reading.spawn(async move {
            let current: BTreeSet<&StorePath> = changes
                .iter()
                .filter_map(|change| change.current.as_ref())
                .collect();
            let closures = changes
                .iter()
                .filter_map(|change| targets.get(&change.target));
            let candidates = closures
                .flat_map(Closure::paths)
                .map(|path| &path.path)
                .collect();
            let read = read_closures(
                &context.pool,
                &connection,
                &nix_folder,
                &context.mark,
                &current,
                &candidates,
            );
            let read = read.await.unwrap_or_default();
            pairs(&changes, &targets, &read)
        });
    }
    Ok(reading.join_all().await.into_iter().flatten().collect())
}

fn pairs(
    changes: &[Change],
    targets: &BTreeMap<StorePath, Closure>,
    read: &NodeClosures,
) -> Vec<((NodeName, ProfileName), ClosurePair)> {
    let pair = |change: &Change| {
        let before = match &change.current {
            None => None,
            Some(current) => Some(read.current.get(current)?.clone()),
        };
        let after = targets.get(&change.target)?.clone();
        let missing = read.missing.clone()?;
        Some((
            (change.node.clone(), change.profile.clone()),
            ClosurePair {
                before,
                after,
                missing,
            },
        ))
    };
    changes.iter().filter_map(pair).collect()
}
