//! Units that start because an active target is started again: what is new in it, and what has
//! changed and does not run.

use std::collections::BTreeSet;

use super::name::UnitName;
use super::tree::UnitTree;

/// The folders of links, and the keys, by which a unit pulls in others.
const FOLDERS: [&str; 3] = ["wants", "requires", "upholds"];
const KEYS: [&str; 4] = ["Wants", "Requires", "BindsTo", "Upholds"];

/// Returns the units that these targets pull in, whether or not they run.
pub(super) fn pulled_in(tree: &UnitTree, targets: &BTreeSet<UnitName>) -> BTreeSet<UnitName> {
    let mut found = BTreeSet::new();
    let mut open: Vec<UnitName> = targets.iter().cloned().collect();
    while let Some(unit) = open.pop() {
        for pulled in pulled_by(tree, &unit) {
            if !targets.contains(&pulled) && found.insert(pulled.clone()) {
                open.push(pulled);
            }
        }
    }
    found
}

fn pulled_by(tree: &UnitTree, unit: &UnitName) -> Vec<UnitName> {
    let template = unit.template().filter(|_| !tree.has(unit));
    let base = template.as_ref().unwrap_or(unit);
    let linked = FOLDERS.iter().flat_map(|kind| tree.linked(unit, kind));
    let definition = tree.definition(unit, base).unwrap_or_default();
    let words = KEYS.iter().flat_map(|key| definition.words("Unit", key));
    linked
        .chain(words.filter_map(|word| word.parse().ok()))
        .collect()
}
