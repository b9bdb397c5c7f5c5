//! The store paths that profiles shall have, and the derivations that build them.

use super::check::check_name;
use super::error::ConfigError;
use super::finding::Finding;
use super::fleet::{TargetPath, Targets};
use super::origin::Origin;
use super::raw::{Evaluation, RawTarget};
use crate::model::{StorePath, quoted};

/// Returns the targets of all selected profiles.
pub fn parse_targets(evaluation: &Evaluation, origin: &Origin) -> Result<Targets, ConfigError> {
    let mut targets = Targets::new();
    for (node, profiles) in &evaluation.targets {
        for (profile, raw) in profiles {
            let place = format!("deploy.nodes.{}.profiles.{}", quoted(node), quoted(profile));
            let key = (
                check_name(origin, &place, node)?,
                check_name(origin, &place, profile)?,
            );
            targets.insert(key, parse_target(raw, origin, &place)?);
        }
    }
    Ok(targets)
}

/// Returns what is wrong with the paths that were evaluated. One that is missing is found without
/// evaluating it.
pub fn target_errors(evaluation: &Evaluation, origin: &Origin) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (node, profiles) in &evaluation.targets {
        for (profile, raw) in profiles {
            let place = format!("deploy.nodes.{}.profiles.{}", quoted(node), quoted(profile));
            match parse_target(raw, origin, &place) {
                Ok(_) | Err(ConfigError::MissingOption { .. }) => {}
                Err(error) => {
                    let place = format!("{place}.path");
                    findings.push(Finding::error("bad_path", place, error.to_string()));
                }
            }
        }
    }
    findings
}

fn parse_target(raw: &RawTarget, origin: &Origin, place: &str) -> Result<TargetPath, ConfigError> {
    let option = format!("{place}.path");
    let bad = |source| ConfigError::BadValue {
        origin: origin.clone(),
        place: option.clone(),
        source,
    };
    match (&raw.r#type, &raw.store_path) {
        (None, _) => {
            let help = format!("add `{option} = <a derivation with an activation>;`");
            Err(ConfigError::MissingOption {
                origin: origin.clone(),
                place: place.to_owned(),
                option: "path",
                help,
            })
        }
        (Some(found), None) => Err(ConfigError::WrongType {
            origin: origin.clone(),
            place: option,
            expected: "a derivation or a store path",
            found: format!("a value of type {found}"),
        }),
        (Some(_), Some(path)) => {
            let path = StorePath::try_from(path.clone()).map_err(bad)?;
            let drv_path = derivation_of(raw, &path)
                .map(StorePath::try_from)
                .transpose()
                .map_err(bad)?;
            Ok(TargetPath { path, drv_path })
        }
    }
}

/// A text may mention several derivations; the one that builds it has its name.
fn derivation_of(raw: &RawTarget, path: &StorePath) -> Option<String> {
    let same_name = |drv: &&String| {
        drv.strip_suffix(".drv")
            .is_some_and(|drv| drv.ends_with(&format!("-{}", path.name())))
    };
    raw.drv_path
        .clone()
        .or_else(|| match raw.derivations.as_slice() {
            [only] => Some(only.clone()),
            several => several.iter().find(same_name).cloned(),
        })
}
