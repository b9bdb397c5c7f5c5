//! The steps as a graph that cannot hold a circle.

use std::collections::BTreeMap;

use petgraph::acyclic::Acyclic;
use petgraph::algo::tarjan_scc;
use petgraph::data::Build;
use petgraph::graph::NodeIndex;
use petgraph::stable_graph::{StableDiGraph, StableGraph};
use petgraph::visit::{EdgeRef, IntoEdgeReferences};

use super::document::PlannedStep;
use super::step_id::StepId;

/// What one step waits for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// It must have succeeded.
    DependsOn,
    /// It must have ended, in whatever way.
    After,
}

/// Steps that form no graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Two steps have one id.
    #[error("step {id} is there twice")]
    Twice {
        /// The id.
        id: StepId,
    },
    /// A step waits for one that does not exist, or that comes later.
    #[error("step {id} waits for {missing}, which is not among the steps before it")]
    Missing {
        /// The step.
        id: StepId,
        /// What it waits for.
        missing: StepId,
    },
}

/// The steps of a plan, with what each waits for.
#[derive(Debug, Clone)]
pub struct StepGraph {
    graph: Acyclic<StableDiGraph<StepId, Edge>>,
}

impl StepGraph {
    /// Returns the graph of these steps, which stand in an order in which they can run.
    pub fn new(steps: &[PlannedStep]) -> Result<Self, GraphError> {
        let mut graph = Acyclic::<StableDiGraph<StepId, Edge>>::new();
        let mut indices = BTreeMap::<&StepId, NodeIndex>::new();
        for step in steps {
            let index = graph.add_node(step.id.clone());
            let depends_on = step.depends_on.iter().map(|id| (id, Edge::DependsOn));
            let after = step.after.iter().map(|id| (id, Edge::After));
            for (id, edge) in depends_on.chain(after) {
                let missing = || GraphError::Missing {
                    id: step.id.clone(),
                    missing: id.clone(),
                };
                let earlier = indices.get(id).ok_or_else(missing)?;
                graph
                    .try_add_edge(*earlier, index, edge)
                    .map_err(|_| missing())?;
            }
            if indices.insert(&step.id, index).is_some() {
                return Err(GraphError::Twice {
                    id: step.id.clone(),
                });
            }
        }
        Ok(Self { graph })
    }

    /// Returns the steps with the numbers that [`Self::edges`] uses.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &StepId)> {
        self.graph
            .node_indices()
            .map(|index| (index.index(), &self.graph[index]))
    }

    /// Returns what waits for what: earlier step, later step, and how.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize, Edge)> {
        self.graph
            .inner()
            .edge_references()
            .map(|edge| (edge.source().index(), edge.target().index(), *edge.weight()))
    }
}

/// Returns the members of a circle among things that wait for each other, if there is one.
pub(super) fn find_circle<'a, T: Ord>(
    waits_for: &BTreeMap<&'a T, Vec<&'a T>>,
) -> Option<Vec<&'a T>> {
    let mut graph = StableGraph::<&T, ()>::new();
    let indices: BTreeMap<_, _> = waits_for
        .keys()
        .map(|name| (*name, graph.add_node(*name)))
        .collect();
    for (name, earlier) in waits_for {
        for other in earlier.iter().filter_map(|other| indices.get(other)) {
            graph.add_edge(*other, indices[name], ());
        }
    }
    let is_circle =
        |members: &Vec<NodeIndex>| members.len() > 1 || graph.contains_edge(members[0], members[0]);
    let members = tarjan_scc(&graph).into_iter().find(is_circle)?;
    Some(members.into_iter().map(|index| graph[index]).collect())
}

#[cfg(test)]
mod tests {
    use super::super::document::StepKind;
    use super::*;

    fn step(id: &str, depends_on: &[&str]) -> PlannedStep {
        PlannedStep {
            id: id.parse().unwrap(),
            kind: StepKind::Barrier,
            node: None,
            profile: None,
            drv_path: None,
            depends_on: depends_on.iter().map(|id| id.parse().unwrap()).collect(),
            after: vec![],
        }
    }

    #[test]
    fn refuses_what_cannot_run_in_order() {
        assert!(StepGraph::new(&[step("a", &[]), step("b", &["a"])]).is_ok());
        assert!(matches!(
            StepGraph::new(&[step("a", &["a"])]),
            Err(GraphError::Missing { .. })
        ));
        assert!(matches!(
            StepGraph::new(&[step("a", &["b"]), step("b", &["a"])]),
            Err(GraphError::Missing { .. })
        ));
        assert!(matches!(
            StepGraph::new(&[step("a", &[]), step("a", &[])]),
            Err(GraphError::Twice { .. })
        ));
    }

    #[test]
    fn names_the_members_of_a_circle() {
        let (a, b, c) = ("a", "b", "c");
        let circle = BTreeMap::from([(&a, vec![&b]), (&b, vec![&a]), (&c, vec![&a])]);
        let mut members = find_circle(&circle).unwrap();
        members.sort();
        assert_eq!(members, [&a, &b]);
        assert_eq!(
            find_circle(&BTreeMap::from([(&a, vec![&a])])),
            Some(vec![&a])
        );
        assert_eq!(
            find_circle(&BTreeMap::from([(&a, vec![&b]), (&b, vec![])])),
            None
        );
    }
}
