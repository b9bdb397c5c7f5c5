//! A plan's graph for Graphviz (`dot`) and for Mermaid, which forges draw.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::fleet::FleetView;
use super::format::{Plural, escape_control};
use crate::model::NodeName;
use crate::plan::{Action, Plan, PlannedStep, StepKind};

/// Of more nodes than these, those that are alike are one box.
const NODES_MAX: usize = 50;

/// A graph that is small enough to be looked at.
struct Drawing {
    /// Labels and kinds, by position.
    boxes: Vec<(String, StepKind)>,
    /// From, to, and whether the first must have succeeded.
    arrows: BTreeSet<(usize, usize, bool)>,
}

/// Returns the steps of the plan in Graphviz's language: solid arrows from what must have
/// succeeded, dashed ones from what must have ended.
pub fn dot(plan: &Plan) -> String {
    let drawing = Drawing::of(plan);
    let mut text = "digraph plan {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for (number, (label, kind)) in drawing.boxes.iter().enumerate() {
        let shape = match kind {
            StepKind::Barrier => ", shape=diamond",
            _ => "",
        };
        let label = escape_control(label)
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        let _ = writeln!(text, "  s{number} [label=\"{label}\"{shape}];");
    }
    for (from, to, must_succeed) in &drawing.arrows {
        let style = if *must_succeed { "" } else { " [style=dashed]" };
        let _ = writeln!(text, "  s{from} -> s{to}{style};");
    }
    text + "}\n"
}

/// Returns the steps of the plan as a Mermaid flowchart, with the same arrows.
pub fn mermaid(plan: &Plan) -> String {
    let drawing = Drawing::of(plan);
    let mut text = "flowchart LR\n".to_owned();
    for (number, (label, kind)) in drawing.boxes.iter().enumerate() {
        let (open, close) = match kind {
            StepKind::Barrier => ("{", "}"),
            _ => ("[", "]"),
        };
        let _ = writeln!(text, "  s{number}{open}\"{}\"{close}", entities(label));
    }
    for (from, to, must_succeed) in &drawing.arrows {
        let arrow = if *must_succeed { "-->" } else { "-.->" };
        let _ = writeln!(text, "  s{from} {arrow} s{to}");
    }
    text
}

/// Mermaid reads `#…;` as an entity, also numeric ones, and text in quotes as Markdown and HTML.
fn entities(label: &str) -> String {
    let mut safe = String::new();
    for character in escape_control(label).chars() {
        if character.is_alphanumeric() || matches!(character, ' ' | '-' | '.' | ',') {
            safe.push(character);
        } else {
            let _ = write!(safe, "#{};", u32::from(character));
        }
    }
    safe
}

impl Drawing {
    fn of(plan: &Plan) -> Self {
        let groups = groups(plan);
        let mut drawing = Self {
            boxes: Vec::new(),
            arrows: BTreeSet::new(),
        };
        let mut box_of_key = BTreeMap::new();
        let mut box_of_step = BTreeMap::new();
        for step in &plan.steps {
            let key = key(step, &groups);
            let number = *box_of_key.entry(key).or_insert_with(|| {
                drawing.boxes.push((label(step, &groups), step.kind));
                drawing.boxes.len() - 1
            });
            box_of_step.insert(&step.id, number);
        }
        for step in &plan.steps {
            let Some(&to) = box_of_step.get(&step.id) else {
                continue;
            };
            let needed = step.depends_on.iter().map(|id| (id, true));
            let awaited = step.after.iter().map(|id| (id, false));
            for (id, must_succeed) in needed.chain(awaited) {
                if let Some(&from) = box_of_step.get(id).filter(|from| **from != to) {
                    drawing.arrows.insert((from, to, must_succeed));
                }
            }
        }
        drawing
    }
}

/// A group's number, and a label; by node.
type Groups = BTreeMap<NodeName, (usize, String)>;

fn groups(plan: &Plan) -> Groups {
    if plan.nodes.len() <= NODES_MAX {
        return Groups::new();
    }
    let view = FleetView::of(plan, |profile| profile.action != Action::Unchanged);
    let groups = view.groups.iter().enumerate().flat_map(|(number, group)| {
        let first = &group.nodes[0].node;
        let label = match group.nodes.len() {
            1 => first.to_string(),
            count => format!("{}: {first}, …", Plural(count as u64, "node")),
        };
        let nodes = group.nodes.iter();
        nodes.map(move |node| (node.node.clone(), (number, label.clone())))
    });
    groups.collect()
}

/// Steps with the same key are one box: those of nodes that are alike, and all builds where any
/// are.
fn key(step: &PlannedStep, groups: &Groups) -> (StepKind, usize, String) {
    let group = step.node.as_ref().and_then(|node| groups.get(node));
    let profile = step.profile.as_ref().map(ToString::to_string);
    match group {
        Some((number, _)) => (step.kind, *number, profile.unwrap_or_default()),
        None if !groups.is_empty() && step.node.is_none() => (step.kind, usize::MAX, String::new()),
        None => (step.kind, usize::MAX, step.id.to_string()),
    }
}

fn label(step: &PlannedStep, groups: &Groups) -> String {
    let node = step.node.as_ref().map(|node| match groups.get(node) {
        Some((_, label)) => label.clone(),
        None => node.to_string(),
    });
    let node = node.unwrap_or_default();
    match (step.kind, &step.profile) {
        (StepKind::Build, _) => {
            let name = step.drv_path.as_ref().map_or("", |path| path.name());
            let name = name.strip_suffix(".drv").unwrap_or(name);
            match (groups.is_empty(), node.is_empty()) {
                (true, true) => format!("build {name}"),
                (true, false) => format!("build {name} on {node}"),
                (false, true) => "build".to_owned(),
                (false, false) => format!("build on {node}"),
            }
        }
        (StepKind::Copy, _) => format!("copy to {node}"),
        (StepKind::Barrier, _) => "all built and copied".to_owned(),
        (StepKind::Activate, Some(profile)) => format!("activate {node} {profile}"),
        (StepKind::Activate, None) => format!("activate {node}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::test_plan;
    use crate::report::fixtures;
    use proptest::prelude::*;

    #[test]
    fn every_step_is_a_box() {
        let plan = test_plan();
        let (dot, mermaid) = (dot(&plan), mermaid(&plan));
        assert_eq!(dot.matches("[label=").count(), plan.steps.len(), "{dot}");
        let boxes = mermaid.lines().filter(|line| line.contains('"')).count();
        assert_eq!(boxes, plan.steps.len(), "{mermaid}");
        assert!(dot.contains("style=dashed") && mermaid.contains("-.->"));
        assert!(mermaid.contains("{\"all built and copied\"}"), "{mermaid}");
    }

    #[test]
    fn a_large_fleet_is_a_few_boxes() {
        let mut plan = fixtures::fleet_plan();
        let example = plan
            .profiles
            .iter()
            .find(|profile| profile.node.as_str() == "web01");
        let example = example.unwrap().clone();
        for number in 0..40 {
            let mut profile = example.clone();
            profile.node = format!("more{number}").parse().unwrap();
            let closure = profile.closure.as_mut().unwrap();
            for change in &mut closure.packages {
                change.name = change.name.replace("web01", profile.node.as_str());
            }
            let mut node = plan.nodes[1].clone();
            node.node = profile.node.clone();
            plan.nodes.push(node);
            plan.profiles.push(profile);
        }
        plan.complete();
        assert!(plan.steps.len() > 100);
        let dot = dot(&plan);
        // Copies and activations of three groups, all builds, and the barrier.
        assert_eq!(dot.matches("[label=").count(), 8, "{dot}");
        assert!(dot.contains("52 nodes"), "{dot}");
    }

    #[test]
    fn labels_are_only_labels() {
        assert_eq!(
            entities("a\"]; b --> c #1"),
            "a#34;#93;#59; b --#62; c #35;1"
        );
    }

    proptest! {
        #[test]
        fn any_plan_can_be_drawn(plan in fixtures::any_plan()) {
            let drawn = [dot(&plan), mermaid(&plan)];
            for text in drawn {
                prop_assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'));
            }
        }
    }
}
