//! Checks that several readers share, and the hints that go with a refusal.

use super::error::ConfigError;
use super::origin::Origin;
use super::raw::RawSettings;
use super::selection::{NodeSelection, Selection};
use super::suggest::nearest;
use crate::model::quoted;

pub(super) fn check_set(
    origin: &Origin,
    place: &str,
    found: Option<&str>,
) -> Result<(), ConfigError> {
    match found {
        Some("set") => Ok(()),
        Some(found) => Err(ConfigError::NotASet {
            origin: origin.clone(),
            place: place.to_owned(),
            found: format!("of type {found}"),
        }),
        None => Err(ConfigError::NotASet {
            origin: origin.clone(),
            place: place.to_owned(),
            found: "missing".into(),
        }),
    }
}

pub(super) fn check_selection(raw: &RawSettings, selection: &Selection) -> Result<(), ConfigError> {
    let not_found = |kind, name: &str, known: &[String]| ConfigError::NotFound {
        origin: selection.origin.clone(),
        kind,
        name: name.to_owned(),
        help: suggestion(name, known),
    };
    for (node, wanted) in selection.nodes.iter().flatten().chain(&selection.excluded) {
        let name = node.as_str();
        if !raw.node_names.iter().any(|known| known == name) {
            return Err(not_found("node", name, &raw.node_names));
        }
        let (NodeSelection::Profiles(profiles), Some(node)) = (wanted, raw.nodes.get(name)) else {
            continue;
        };
        if let Some(profile) = profiles.iter().find(|profile| {
            !node
                .profile_names
                .iter()
                .any(|known| known == profile.as_str())
        }) {
            let full = format!("{}.{}", quoted(name), quoted(profile.as_str()));
            return Err(ConfigError::NotFound {
                origin: selection.origin.clone(),
                kind: "profile",
                name: full,
                help: suggestion(profile.as_str(), &node.profile_names),
            });
        }
    }
    Ok(())
}

pub(super) fn check_name<T>(origin: &Origin, place: &str, name: &str) -> Result<T, ConfigError>
where
    T: TryFrom<String, Error = crate::model::InvalidText>,
{
    T::try_from(name.to_owned()).map_err(|source| ConfigError::BadValue {
        origin: origin.clone(),
        place: place.to_owned(),
        source,
    })
}

pub(super) fn unknown_options(place: &str, unknown: &[String], known: &[&str]) -> Vec<String> {
    let describe = |name: &String| {
        let hint = nearest(name, known.iter().copied())
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        format!("`{place}` has an unknown option `{name}`, which has no effect{hint}")
    };
    unknown.iter().map(describe).collect()
}

pub(super) fn suggestion(name: &str, known: &[String]) -> String {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? There are: {}", names(known)),
        None => format!("there are: {}", names(known)),
    }
}

pub(super) fn names(names: &[String]) -> String {
    const SHOWN: usize = 12;
    match names {
        [] => "none".to_owned(),
        names if names.len() <= SHOWN => names.join(", "),
        names => format!(
            "{} and {} more",
            names[..SHOWN].join(", "),
            names.len() - SHOWN
        ),
    }
}
