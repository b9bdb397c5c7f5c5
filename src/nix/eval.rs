//! Evaluating the selected part of a `deploy` attribute, once.

use super::NixError;
use super::command::Nix;
use super::file;
use crate::config::{Evaluation, Origin, Paths, RawSettings, SETTINGS_MARK, Selection, expression};
use crate::process::{Invocation, run_with};

const DOING: &str = "evaluating the fleet";

/// Evaluates a selection. `on_settings` gets the settings while Nix still evaluates the paths; it
/// may never be called.
pub async fn evaluate(
    nix: &Nix,
    selection: &Selection,
    paths: Paths,
    mut on_settings: impl FnMut(RawSettings),
    mut on_line: impl FnMut(&str),
) -> Result<Evaluation, NixError> {
    let mut message = String::new();
    let finished = run_with(&invocation(nix, selection, paths), |line| {
        if let Some(settings) = settings_of(line) {
            on_settings(settings);
        } else {
            on_line(line);
            message.push_str(line);
            message.push('\n');
        }
    })
    .await
    .map_err(|source| NixError::process(DOING, source))?;
    if finished.status.success() {
        return serde_json::from_slice(&finished.stdout).map_err(|source| NixError::Unexpected {
            doing: DOING,
            source,
        });
    }
    Err(explain(&selection.origin, &message))
}

fn invocation(nix: &Nix, selection: &Selection, paths: Paths) -> Invocation {
    let function = expression(selection, paths);
    let call = match &selection.origin {
        Origin::Flake(reference) => Nix::nix(&["eval", "--json"])
            .arg(format!("{reference}#deploy"))
            .arg("--apply")
            .arg(function),
        Origin::File(path) => file::evaluation(path, &function),
    };
    call.args(&nix.arguments)
}

fn settings_of(line: &str) -> Option<RawSettings> {
    let (_, json) = line.split_once(SETTINGS_MARK)?;
    serde_json::from_str(json.trim_end()).ok()
}

fn explain(origin: &Origin, message: &str) -> NixError {
    let origin = origin.clone();
    let says_none = message.contains("does not provide attribute") && message.contains("'deploy'");
    if says_none || message.contains(file::NO_DEPLOY) {
        return NixError::NoDeploy { origin };
    }
    NixError::Evaluation {
        origin,
        message: message.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_names_the_selection_only() {
        let selection = &crate::config::select(&["./x#web1".parse().unwrap()], &[])[0];
        let nix = Nix {
            arguments: vec!["--impure".into()],
            ..Nix::default()
        };
        let line = invocation(&nix, selection, Paths::Wanted).to_string();
        assert!(line.starts_with("nix --extra-experimental-features nix-command flakes eval --json ./x#deploy --apply let"));
        assert!(line.ends_with(" --impure"));
    }

    #[test]
    fn a_missing_attribute_is_told_from_other_errors() {
        let missing = "error: flake 'path:/x' does not provide attribute 'packages.x86_64-linux.deploy', 'legacyPackages.x86_64-linux.deploy' or 'deploy'";
        let origin = Origin::Flake("x".into());
        assert!(matches!(
            explain(&origin, missing),
            NixError::NoDeploy { .. }
        ));
        assert!(matches!(
            explain(&origin, "error: undefined variable"),
            NixError::Evaluation { .. }
        ));
    }
}
