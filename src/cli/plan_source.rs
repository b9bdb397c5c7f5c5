//! Reading plan files, and narrowing a plan to TARGETs.

use std::io::Read;
use std::path::Path;

use super::error::CliError;
use crate::config::TargetArgument;
use crate::plan::{PLAN_SIZE_MAX, Plan, PlanFileError, parse_plan};

/// Returns whether a TARGET of `apply` names a saved plan.
pub(super) fn is_plan(target: &str) -> bool {
    let has_ending = Path::new(target)
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    target == "-" || has_ending || Path::new(target).is_file()
}

/// Returns the plan in a file, or on standard input for `-`.
pub(super) fn read_plan(file: &Path) -> Result<Plan, CliError> {
    const DOING: &str = "could not read the plan";
    let io = |source| CliError::io(DOING, file, source);
    let mut text = Vec::new();
    let limit = PLAN_SIZE_MAX + 1;
    if file == Path::new("-") {
        std::io::stdin()
            .take(limit)
            .read_to_end(&mut text)
            .map_err(io)?;
    } else {
        let opened = std::fs::File::open(file).map_err(io)?;
        let size = opened.metadata().map_err(io)?.len();
        if size > PLAN_SIZE_MAX {
            return Err(unusable(file, PlanFileError::TooLarge { size }));
        }
        opened.take(limit).read_to_end(&mut text).map_err(io)?;
    }
    parse_plan(&text).map_err(|source| unusable(file, source))
}

fn unusable(file: &Path, source: PlanFileError) -> CliError {
    CliError::PlanFile {
        path: file.display().to_string(),
        source,
    }
}

/// Returns the part of a plan that these TARGETs name; all of it where there are none.
pub(super) fn narrow(plan: Plan, targets: &[TargetArgument]) -> Result<Plan, CliError> {
    if targets.is_empty() {
        return Ok(plan);
    }
    for target in targets {
        let known_flake = plan.flakes.iter().any(|flake| flake.url == target.flake);
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
