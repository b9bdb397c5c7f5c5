//! The plan: fleet and observations in, document and graph out.
//!
//! Pure: nothing here awaits, reads files or prints.

mod action;
mod basis;
mod build_plan;
mod closure;
mod complete;
mod document;
mod file;
#[cfg(test)]
mod file_tests;
mod files;
mod gate;
mod graph;
mod json_file;
mod last_run;
mod node_findings;
mod notes;
mod observation;
mod package;
mod rollback;
mod saved_observations;
mod status;
mod step_id;
mod steps;
mod summary;
mod system_parts;
mod units;
mod verdict;
mod version;

pub use basis::{Basis, nodes_of_base, only_in_base};
pub(crate) use build_plan::root_profile;
#[cfg(test)]
pub(crate) use build_plan::tests::test_plan;
pub use build_plan::{PlanHead, PlanInput, PlannedFleet, build_plan};
pub use closure::{Closure, ClosurePair, ClosurePath};
pub use document::{
    Action, ClosureChange, FORMAT_VERSION, Flake, Mode, Observed, OriginKind, PackageChange,
    PackageChangeKind, Plan, PlannedNode, PlannedProfile, PlannedStep, StepKind, Summary, Target,
};
pub use file::{PlanFileError, digest, parse_plan, render_plan};
pub use files::{
    DiffLine, DiffLineKind, FILE_ROOTS, FILES_MAX, FileChange, FileChangeKind, FileChanges,
    FileDifference, FileDifferences, FileMark, FileText, FileTree, ProfileFiles, STORE_FOLDER,
    text_of_bytes,
};
pub use gate::{Gate, GateError};
pub use graph::{Edge, GraphError, StepGraph};
pub use json_file::{DOCUMENT_SIZE_MAX, DocumentError};
pub use last_run::{LastRun, Record};
pub use node_findings::node_findings;
pub use notes::NO_AGENT;
pub use observation::{
    NodeFacts, NodeObservation, ObservedJournal, ObservedLock, ProfileObservation,
};
pub use rollback::{NoWayBack, way_back};
pub use saved_observations::{OBSERVATIONS_VERSION, SavedObservations};
pub use status::{GenerationStatus, NodeStatus, ProfileStatus, STATUS_VERSION, Status};
pub use step_id::StepId;
pub use system_parts::{LINKED_PARTS, SystemParts, TEXT_PARTS};
pub use units::{
    ActiveUnits, HomePair, HomeUnits, OtherFiles, SystemPair, SystemUnits, TREE_FILE_MAX,
    TargetUnits, UNITS_OF_HOME, UnitChange, UnitChangeKind, UnitChanges, UnitEffect, UnitEntry,
    UnitFiles, UnitName, UnitTree, UnitsOfProfile, UnitsPair, restarts_users,
};
pub use verdict::{Verdict, VerdictKind};
