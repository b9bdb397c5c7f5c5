//! A share of the nodes, evaluated to its end: an error of one node does not hide those of others.

use super::NixError;
use super::bad_nodes::BadNode;
use super::evaluator::{Ended, Evaluator};
use crate::config::{Evaluation, Selection};
use crate::model::NodeName;

/// Each takes one more evaluator, and a mistake in what all nodes share is one of every node.
const BAD_NODES_MAX: usize = 8;

/// What was evaluated.
#[derive(Debug)]
pub struct Evaluated {
    /// The settings and targets.
    pub evaluation: Evaluation,
    /// Warnings and traces.
    pub said: Vec<String>,
}

/// What came of a share.
#[derive(Debug)]
pub(super) enum Share {
    /// All its nodes evaluate.
    Evaluated(Evaluated),
    /// Some do not; the last nodes may not have been evaluated any more.
    Failed(Vec<BadNode>, Vec<NodeName>),
}

impl Share {
    /// Evaluates these nodes.
    pub(super) async fn evaluate(
        evaluator: &Evaluator<'_>,
        selection: &Selection,
        nodes: &[NodeName],
    ) -> Result<Self, NixError> {
        let ended = evaluator.another(&selection.only(nodes)).await?;
        Self::after(evaluator, selection, ended).await
    }

    /// Goes on where an evaluator has ended.
    pub(super) async fn after(
        evaluator: &Evaluator<'_>,
        selection: &Selection,
        mut ended: Ended,
    ) -> Result<Self, NixError> {
        let mut bad = Vec::new();
        let evaluation = loop {
            if let Some(evaluation) = ended.evaluation {
                break evaluation;
            }
            let Some((node, left)) = ended.failed_at() else {
                return Err(evaluator.failure(&ended.said));
            };
            let said = ended.said.join("\n");
            bad.push(BadNode { node, said });
            if left.is_empty() || bad.len() == BAD_NODES_MAX {
                return Ok(Self::Failed(bad, left));
            }
            ended = evaluator.another(&selection.only(&left)).await?;
        };
        let said = ended.said;
        Ok(if bad.is_empty() {
            Self::Evaluated(Evaluated { evaluation, said })
        } else {
            Self::Failed(bad, Vec::new())
        })
    }
}
