//! How the files of profiles that change differ: those of the target from here, the others from
//! where they lie.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use super::PlannerContext;
use super::changes::Change;
use super::closures::{Group, Names, by_group};
use crate::model::StorePath;
use crate::nix::{file_text, file_tree};
use crate::observe::{FilePlace, FileReader};
use crate::plan::{FileChanges, FileDifferences, FileTree, ProfileFiles};

/// Two profiles' files, of which the second become the first's successors.
struct FilesPair {
    names: Names,
    current: StorePath,
    target: StorePath,
    before: FileTree,
    after: FileTree,
}

/// Compares the files of these changes with those on their nodes. A node that does not tell its own is
/// told, and spoils no other.
pub(super) async fn compare_files_on_nodes(
    context: &PlannerContext,
    groups: &BTreeMap<Names, Group>,
    changes: &[Change],
) -> FileDifferences {
    let mut reading = JoinSet::new();
    for (group, changes) in by_group(groups, changes) {
        let (context, (_, connection, _)) = (context.clone(), group.clone());
        reading.spawn(async move {
            let reader = FileReader {
                pool: &context.pool,
                connection: &connection,
                mark: &context.mark,
            };
            compare_on_node(reader, &changes).await
        });
    }
    reading.join_all().await.into_iter().flatten().collect()
}

/// Compares the files of changes of which both sides lie here.
pub(super) fn compare_files_here(changes: &[Change]) -> FileDifferences {
    let current = changes.iter().filter_map(|change| change.current.as_ref());
    let trees = current.filter_map(|path| Some((path.clone(), file_tree(path)?)));
    let (pairs, mut differences) = pairs(changes, &trees.collect());
    differences.extend(pairs.iter().map(|pair| {
        let wanted = pair.before.wanted(&pair.after);
        let texts = wanted
            .into_iter()
            .map(|place| (place.to_owned(), file_text(&pair.current, place)));
        (pair.names.clone(), pair.changes(texts.collect()))
    }));
    differences
}

async fn compare_on_node(reader: FileReader<'_>, changes: &[Change]) -> FileDifferences {
    let current = changes.iter().filter_map(|change| change.current.as_ref());
    let trees = reader.list(&current.collect()).await;
    let trees = match trees {
        Ok(trees) => trees,
        Err(error) => return none_read(changes.iter().map(Change::names), &error),
    };
    let (pairs, mut differences) = pairs(changes, &trees);
    let wanted = pairs.iter().flat_map(|pair| {
        let places = pair.before.wanted(&pair.after).into_iter();
        places.map(|place| (pair.current.clone(), place.to_owned()))
    });
    let wanted: BTreeSet<FilePlace> = wanted.collect();
    match reader.read(&wanted).await {
        Err(error) => {
            let names = pairs.iter().map(|pair| pair.names.clone());
            differences.extend(none_read(names, &error));
        }
        Ok(read) => differences.extend(pairs.iter().map(|pair| {
            let own = read.iter().filter(|((path, _), _)| *path == pair.current);
            let texts = own.map(|((_, place), text)| (place.clone(), text.clone()));
            (pair.names.clone(), pair.changes(texts.collect()))
        })),
    }
    differences
}

fn none_read(names: impl Iterator<Item = Names>, error: &crate::ssh::SshError) -> FileDifferences {
    let reason = format!("its files could not be read: {error}");
    names
        .map(|names| (names, FileChanges::unseen(reason.clone())))
        .collect()
}

/// Returns the changes of which both sides are known, and what is to be said of the others. A first
/// deployment has nothing to be compared with.
fn pairs(
    changes: &[Change],
    trees: &BTreeMap<StorePath, FileTree>,
) -> (Vec<FilesPair>, FileDifferences) {
    let (mut pairs, mut unseen) = (Vec::new(), FileDifferences::new());
    for change in changes {
        let Some(current) = &change.current else {
            continue;
        };
        match (trees.get(current), file_tree(&change.target)) {
            (Some(before), Some(after)) => pairs.push(FilesPair {
                names: change.names(),
                current: current.clone(),
                target: change.target.clone(),
                before: before.clone(),
                after,
            }),
            (before, _) => {
                let path = if before.is_some() {
                    &change.target
                } else {
                    current
                };
                let reason = format!("{path} is not there to be compared");
                unseen.insert(change.names(), FileChanges::unseen(reason));
            }
        }
    }
    (pairs, unseen)
}

impl FilesPair {
    fn changes(&self, texts: BTreeMap<String, crate::plan::FileText>) -> FileChanges {
        let wanted = self.after.wanted(&self.before).into_iter();
        let after = wanted.map(|place| (place.to_owned(), file_text(&self.target, place)));
        let before = ProfileFiles {
            tree: self.before.clone(),
            texts,
        };
        before.changes_to(&ProfileFiles {
            tree: self.after.clone(),
            texts: after.collect(),
        })
    }
}
