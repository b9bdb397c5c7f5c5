//! Whether a unit that differs has to be restarted, reloaded, or neither.

use std::collections::BTreeSet;

use super::definition::Definition;

/// What the difference between two definitions asks for, the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Comparison {
    /// Nothing that matters to what runs.
    Equal,
    /// The unit can take it over while it runs.
    Reload,
    /// It has to run anew.
    Restart,
}

/// Keys of `[Unit]` that are systemd's business, or only text.
const IGNORED: [&str; 13] = [
    "X-Reload-Triggers",
    "Description",
    "Documentation",
    "OnFailure",
    "OnSuccess",
    "OnFailureJobMode",
    "IgnoreOnIsolate",
    "StopWhenUnneeded",
    "RefuseManualStart",
    "RefuseManualStop",
    "AllowIsolate",
    "CollectMode",
    "SourcePath",
];

pub(super) fn compare(before: &Definition, after: &Definition) -> Comparison {
    let (before, after) = (before.sections(), after.sections());
    let sections: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let compared = sections.into_iter().map(|section| {
        let sides = (before.get(section), after.get(section));
        if section != "Unit" && (sides.0.is_none() || sides.1.is_none()) {
            return Comparison::Restart;
        }
        let value = |side: Option<&std::collections::BTreeMap<String, _>>,
                     key: &str|
         -> Option<Vec<Vec<String>>> { side?.get(key).cloned() };
        let keys: BTreeSet<&String> = [sides.0, sides.1]
            .into_iter()
            .flatten()
            .flat_map(|keys| keys.keys())
            .collect();
        let keys = keys.into_iter().map(|key| {
            let (before, after) = (value(sides.0, key), value(sides.1, key));
            if before == after {
                Comparison::Equal
            } else {
                of_key(section, key, before.is_some(), after.is_some())
            }
        });
        keys.max().unwrap_or(Comparison::Equal)
    });
    compared.max().unwrap_or(Comparison::Equal)
}

/// Returns what a key asks for whose values differ. A trigger that goes triggers nothing.
fn of_key(section: &str, key: &str, was_set: bool, is_set: bool) -> Comparison {
    match (section, key) {
        ("Unit", "X-Reload-Triggers") if is_set => Comparison::Reload,
        ("Unit", key) if IGNORED.contains(&key) => Comparison::Equal,
        ("Mount", "Options") if was_set && is_set => Comparison::Reload,
        _ => Comparison::Restart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(before: &str, after: &str) -> Comparison {
        let definition = |text: &str| {
            let mut definition = Definition::default();
            definition.add(text).unwrap();
            definition
        };
        compare(&definition(before), &definition(after))
    }

    #[test]
    fn what_each_difference_asks_for() {
        use Comparison::{Equal, Reload, Restart};
        for (before, after, expected) in [
            ("[Unit]\nA=1", "# other\n[Unit]\nA=1", Equal),
            ("[Unit]\nDescription=a", "[Unit]\nDescription=b", Equal),
            ("[Unit]\nDescription=a", "", Equal),
            ("[Unit]\nA=1", "", Restart),
            ("", "[Unit]\nA=1", Restart),
            (
                "[Unit]\nX-Reload-Triggers=a",
                "[Unit]\nX-Reload-Triggers=b",
                Reload,
            ),
            ("[Unit]\nX-Reload-Triggers=a", "[Unit]", Equal),
            ("", "[Unit]\nX-Reload-Triggers=a", Reload),
            (
                "[Unit]\nX-Restart-Triggers=a",
                "[Unit]\nX-Restart-Triggers=b",
                Restart,
            ),
            ("[Service]\nA=1", "[Service]\nA=2", Restart),
            (
                "[Service]\nA=1\n[Unit]\nX-Reload-Triggers=a",
                "[Service]\nA=2\n[Unit]\nX-Reload-Triggers=b",
                Restart,
            ),
            ("[Service]", "", Restart),
            ("", "[Service]", Restart),
            ("[Mount]\nOptions=a", "[Mount]\nOptions=b", Reload),
            ("[Mount]\nOptions=a", "[Mount]", Restart),
            ("[Mount]\nWhat=a", "[Mount]\nWhat=b", Restart),
        ] {
            assert_eq!(of(before, after), expected, "{before:?} -> {after:?}");
        }
    }
}
