//! The nodes of a fleet that do not evaluate, all at once.

use std::fmt::Write as _;

use crate::model::NodeName;

/// A node that does not evaluate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadNode {
    pub(super) node: NodeName,
    /// Nix's own words.
    pub(super) said: String,
}

/// Nodes that do not evaluate.
#[derive(Debug)]
pub struct BadNodes {
    names: Vec<NodeName>,
    left: Vec<NodeName>,
    said: String,
}

impl BadNodes {
    /// Puts together what was said of them; `left` are those that were not evaluated any more.
    pub(super) fn new(mut bad: Vec<BadNode>, mut left: Vec<NodeName>) -> Self {
        bad.sort_by(|one, other| one.node.cmp(&other.node));
        left.sort();
        Self {
            said: said(&bad),
            names: bad.into_iter().map(|one| one.node).collect(),
            left,
        }
    }

    /// Returns Nix's own words, below the names of their nodes where they are several.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Returns which nodes they are, as the subject of a sentence.
    pub(super) fn names(&self) -> String {
        nodes(&self.names)
    }

    /// Returns whether it is only one.
    pub(super) fn is_one(&self) -> bool {
        self.names.len() == 1
    }

    /// Returns which nodes were not evaluated any more, as the end of a sentence.
    pub(super) fn not_tried(&self) -> String {
        match self.left.as_slice() {
            [] => String::new(),
            left => format!("; not evaluated any more: {}", nodes(left)),
        }
    }
}

/// What is wrong with a part that many nodes share is said once.
fn said(bad: &[BadNode]) -> String {
    let mut groups: Vec<(&str, Vec<NodeName>)> = Vec::new();
    for BadNode { node, said } in bad {
        match groups.iter_mut().find(|(words, _)| words == said) {
            Some((_, nodes)) => nodes.push(node.clone()),
            None => groups.push((said, vec![node.clone()])),
        }
    }
    if let [(said, _)] = groups.as_slice() {
        return (*said).to_owned();
    }
    let mut text = String::new();
    for (said, names) in groups {
        // Writing into a String cannot fail.
        write!(text, "{}:\n{said}\n\n", nodes(&names)).ok();
    }
    text.trim_end().to_owned()
}

fn nodes(names: &[NodeName]) -> String {
    let noun = if names.len() == 1 { "node" } else { "nodes" };
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{noun} {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(nodes: &[(&str, &str)], left: &[&str]) -> BadNodes {
        let bad = nodes.iter().map(|(node, said)| BadNode {
            node: node.parse().unwrap(),
            said: (*said).to_owned(),
        });
        let left = left.iter().map(|node| node.parse().unwrap());
        BadNodes::new(bad.collect(), left.collect())
    }

    #[test]
    fn one_needs_no_heading() {
        let one = bad(&[("a", "error: x")], &[]);
        assert_eq!((one.names().as_str(), one.said()), ("node `a`", "error: x"));
        assert!(one.is_one() && one.not_tried().is_empty());
    }

    #[test]
    fn the_same_words_are_said_once() {
        let several = bad(
            &[("c", "error: y"), ("b", "error: x"), ("a", "error: y")],
            &["e", "d"],
        );
        assert_eq!(several.names(), "nodes `a`, `b`, `c`");
        assert_eq!(
            several.said(),
            "nodes `a`, `c`:\nerror: y\n\nnode `b`:\nerror: x"
        );
        assert_eq!(
            several.not_tried(),
            "; not evaluated any more: nodes `d`, `e`"
        );
    }
}
