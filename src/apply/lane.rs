//! Steps that share a limit, and how many of them run beside each other.

use super::context::Limits;
use crate::plan::{PlannedStep, StepKind};

/// How many builds run here at the same time unless a limit is set.
const BUILDS_HERE: usize = 2;

/// The steps that wait for each other where there is a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Builds on the operator's machine; where builds are limited, also those on nodes.
    Builds,
    /// Builds on nodes, where nobody set a limit for builds.
    BuildsOnNodes,
    /// Copies.
    Copies,
    /// The barrier.
    Barrier,
    /// Activations.
    Activations,
}

impl Lane {
    /// All lanes, in the order in which steps are started.
    pub(super) const ALL: [Self; 5] = [
        Self::Builds,
        Self::BuildsOnNodes,
        Self::Copies,
        Self::Barrier,
        Self::Activations,
    ];

    /// Returns the lane of a step.
    pub(super) fn of(step: &PlannedStep, limits: &Limits) -> Self {
        match step.kind {
            StepKind::Build if step.node.is_some() && limits.builds.is_none() => {
                Self::BuildsOnNodes
            }
            StepKind::Build => Self::Builds,
            StepKind::Copy => Self::Copies,
            StepKind::Barrier => Self::Barrier,
            StepKind::Activate => Self::Activations,
        }
    }

    /// Returns how many steps of the lane may run at the same time.
    pub(super) fn limit(self, limits: &Limits) -> usize {
        match self {
            Self::Builds => limits.builds.unwrap_or(BUILDS_HERE),
            Self::BuildsOnNodes | Self::Copies => limits.copies,
            Self::Barrier => usize::MAX,
            Self::Activations => limits.activations,
        }
    }
}
