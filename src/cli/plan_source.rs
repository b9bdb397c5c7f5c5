//! Reading saved plans and observations, and narrowing a plan to TARGETs.

use std::io::Read;
use std::path::Path;

use super::error::CliError;
use super::origin::is_nix_file;
use crate::config::TargetArgument;
use crate::plan::{
    DOCUMENT_SIZE_MAX, DocumentError, Plan, PlanFileError, SavedObservations, parse_plan,
};

/// Returns whether a TARGET of `apply` names a saved plan.
pub(super) fn is_plan(target: &str) -> bool {
    let has_ending = Path::new(target)
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    target == "-" || has_ending || (Path::new(target).is_file() && !is_nix_file(target))
}

/// Returns the plan in a file, or on standard input for `-`.
pub(super) fn read_plan(file: &Path) -> Result<Plan, CliError> {
    let unusable = |source: PlanFileError| CliError::PlanFile {
        path: file.display().to_string(),
        source,
    };
    let text = read_limited(file, "could not read the plan")?;
    let text = text.map_err(|error| unusable(error.into()))?;
    parse_plan(&text).map_err(unusable)
}

/// Returns the saved observations in a file, or on standard input for `-`.
pub(super) fn read_observations(file: &Path) -> Result<SavedObservations, CliError> {
    let unusable = |source| CliError::Observations {
        path: file.display().to_string(),
        source,
    };
    let text = read_limited(file, "could not read the observations")?.map_err(unusable)?;
    SavedObservations::parse(&text).map_err(unusable)
}

/// Returns what is in a file, or on standard input for `-`, unless it is too large to be a document.
fn read_limited(
    file: &Path,
    doing: &'static str,
) -> Result<Result<Vec<u8>, DocumentError>, CliError> {
    let io = |source| CliError::io(doing, file, source);
    let mut text = Vec::new();
    let limit = DOCUMENT_SIZE_MAX + 1;
    if file == Path::new("-") {
        std::io::stdin()
            .take(limit)
            .read_to_end(&mut text)
            .map_err(io)?;
    } else {
        let opened = std::fs::File::open(file).map_err(io)?;
        let size = opened.metadata().map_err(io)?.len();
        if size > DOCUMENT_SIZE_MAX {
            return Ok(Err(DocumentError::TooLarge { size }));
        }
        opened.take(limit).read_to_end(&mut text).map_err(io)?;
    }
    Ok(Ok(text))
}

/// Returns the part of a plan that these TARGETs name; all of it where there are none.
pub(super) fn narrow(plan: Plan, targets: &[TargetArgument]) -> Result<Plan, CliError> {
    if targets.is_empty() {
        return Ok(plan);
    }
    for target in targets {
        let known_flake = plan
            .flakes
            .iter()
            .any(|flake| flake.origin() == target.origin);
        let known = plan.profiles.iter().any(|profile| {
            target
                .node
                .as_ref()
                .is_none_or(|node| *node == profile.node)
                && target
                    .profile
                    .as_ref()
                    .is_none_or(|name| *name == profile.profile)
        });
        if !known_flake || !known {
            return Err(CliError::usage(
                format!("{target} is not in the plan"),
                format!("the plan was made for: {}", plan.selection.join(" ")),
            ));
        }
    }
    Ok(plan.narrowed(|node, profile| {
        targets.iter().any(|target| {
            target.node.as_ref().is_none_or(|name| name == node)
                && target.profile.as_ref().is_none_or(|name| name == profile)
        })
    }))
}
