//! The function that Nix applies to the flake's `deploy` attribute.
//!
//! It traces one marked line with the settings before any `path` is forced, so that nodes are
//! read while Nix still evaluates, and one for each node whose paths are known, so that an error is
//! laid to its node. It forces nothing that was not selected.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::options::{self, FlakeOption};
use super::selection::{NodeSelection, Selection};
use super::shares::Evaluators;
use crate::model::NodeName;

/// Stands before the settings on the line that the expression traces first.
pub const BEGUN_MARK: &str = "deploy-begun:";
/// Stands before a node's name on the line that tells that its paths are known.
pub const DONE_MARK: &str = "deploy-done:";

const FUNCTION: &str = include_str!("expression.nix");

/// Whether the paths of profiles are evaluated, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// They are.
    Wanted,
    /// Nothing but settings is: what needs no target also works while a system does not evaluate.
    Left,
}

/// Returns the Nix function for a selection: `deploy` attribute in, settings and targets out. Of the
/// targets it gives those of the first of `evaluators` only.
pub fn expression(selection: &Selection, paths: Paths, evaluators: Evaluators) -> String {
    let selected = selection
        .nodes
        .as_ref()
        .map_or_else(|| "null".to_owned(), attributes);
    let excluded = attributes(&selection.excluded);
    format!(
        "let selected = {selected}; excluded = {excluded}; wantsPaths = {}; evaluators = {}; leastNodes = {}; \
         mostNodes = {}; begunMark = {}; doneMark = {}; generic = {}; fleetOwn = {}; nodeOwn = {}; \
         profileOwn = {}; in {FUNCTION}",
        paths == Paths::Wanted,
        evaluators.at_once,
        evaluators.least_nodes,
        evaluators
            .most_nodes
            .map_or_else(|| "null".to_owned(), |most| most.to_string()),
        nix_string(BEGUN_MARK),
        nix_string(DONE_MARK),
        list(names(&options::GENERIC)),
        list(names(&options::FLEET)),
        list(names(&options::NODE).filter(|name| *name != "profiles")),
        list(names(&options::PROFILE).filter(|name| *name != "path")),
    )
}

/// Returns `text` as a Nix string literal that evaluates to exactly this text.
pub fn nix_string(text: &str) -> String {
    let mut literal = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' | '$' => {
                literal.push('\\');
                literal.push(letter);
            }
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            other => literal.push(other),
        }
    }
    literal.push('"');
    literal
}

fn attributes(nodes: &BTreeMap<NodeName, NodeSelection>) -> String {
    let mut set = String::from("{ ");
    for (node, selection) in nodes {
        let value = match selection {
            NodeSelection::All => "null".to_owned(),
            NodeSelection::Profiles(profiles) => list(profiles.iter().map(AsRef::as_ref)),
        };
        // Writing into a String cannot fail.
        write!(set, "{} = {value}; ", nix_string(node.as_str())).ok();
    }
    set.push('}');
    set
}

fn names(options: &[FlakeOption]) -> impl Iterator<Item = &'static str> {
    options.iter().map(|option| option.name)
}

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut list = String::from("[ ");
    for name in names {
        list.push_str(&nix_string(name));
        list.push(' ');
    }
    list.push(']');
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_string() {
        assert_eq!(nix_string("a\"; ${x} \\"), "\"a\\\"; \\${x} \\\\\"");
    }

    #[test]
    fn only_what_is_selected_is_named() {
        let target = ".#\"a.b\".p".parse().unwrap();
        let selection = &crate::config::select(&[target], &[])[0];
        assert!(
            expression(selection, Paths::Left, Evaluators::ONE).starts_with(
                "let selected = { \"a.b\" = [ \"p\" ]; }; excluded = { }; wantsPaths = false;"
            )
        );
    }
}
