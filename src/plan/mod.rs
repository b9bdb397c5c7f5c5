//! The plan: fleet and observations in, document and graph out.
//!
//! Pure: nothing here awaits, reads files or prints.

mod action;
mod build_plan;
mod closure;
mod complete;
mod document;
mod file;
mod gate;
mod graph;
mod last_run;
mod notes;
mod observation;
mod package;
mod rollback;
mod status;
mod step_id;
mod steps;
mod summary;
mod system_parts;
mod verdict;
mod version;

pub(crate) use build_plan::root_profile;
#[cfg(test)]
pub(crate) use build_plan::tests::test_plan;
pub use build_plan::{PlanHead, PlanInput, PlannedFleet, build_plan};
pub use closure::{Closure, ClosurePair, ClosurePath};
pub use document::{
    Action, ClosureChange, FORMAT_VERSION, Flake, Mode, Observed, PackageChange, PackageChangeKind,
    Plan, PlannedNode, PlannedProfile, PlannedStep, StepKind, Summary, Target,
};
pub use file::{PLAN_SIZE_MAX, PlanFileError, digest, parse_plan, render_plan};
pub use gate::{Gate, GateError};
pub use graph::{Edge, GraphError, StepGraph};
pub use last_run::{LastRun, Record};
pub use observation::{
    GenerationContent, NodeFacts, NodeObservation, ObservedGeneration, ObservedJournal,
    ObservedLock, ProfileObservation,
};
pub use rollback::{NoWayBack, way_back};
pub use status::{GenerationStatus, NodeStatus, ProfileStatus, STATUS_VERSION, Status};
pub use step_id::StepId;
pub use system_parts::{LINKED_PARTS, SystemParts, TEXT_PARTS};
pub use verdict::{Verdict, VerdictKind};
