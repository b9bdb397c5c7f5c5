//! What the flake says and what was asked for: TARGETs, the expression that Nix evaluates, and the
//! checked fleet that comes of it. Pure: the evaluation itself lives in `nix`.

mod check;
mod error;
mod expression;
mod finding;
mod findings;
mod fleet;
mod kind;
mod no_effect;
mod options;
mod origin;
mod parse;
mod parse_context;
#[cfg(test)]
mod parse_tests;
mod profile;
mod raw;
mod reader;
mod schema;
mod selection;
mod shares;
mod suggest;
mod target;
mod targets;

pub use error::ConfigError;
pub use expression::{BEGUN_MARK, DONE_MARK, Paths, expression, nix_string};
pub use finding::{Finding, Severity};
pub use findings::find_problems;
pub use fleet::{Fleet, FleetNode, FleetProfile, ProfileLocation, TargetPath, Targets};
pub use origin::Origin;
pub use parse::parse_fleet;
pub use parse_context::ParseContext;
pub use raw::{Begun, Evaluation, RawSettings};
pub use schema::fleet_schema;
pub use selection::{NodeSelection, Selection, select};
pub use shares::{Evaluators, deal};
pub use suggest::nearest;
pub use target::{TargetArgument, TargetError};
pub use targets::{parse_targets, target_errors};
