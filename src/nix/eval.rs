//! Evaluating the selected part of a flake's `deploy` attribute, once.

use super::NixError;
use super::command::Nix;
use crate::config::{Evaluation, Paths, RawSettings, SETTINGS_MARK, Selection, expression};
use crate::process::{Invocation, run_with};

const DOING: &str = "evaluating the flake";

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
    Err(explain(&selection.flake, &message))
}

fn invocation(nix: &Nix, selection: &Selection, paths: Paths) -> Invocation {
    Nix::nix(&["eval", "--json"])
        .arg(format!("{}#deploy", selection.flake))
        .arg("--apply")
        .arg(expression(selection, paths))
        .args(&nix.arguments)
}

fn settings_of(line: &str) -> Option<RawSettings> {
    let (_, json) = line.split_once(SETTINGS_MARK)?;
    serde_json::from_str(json.trim_end()).ok()
}

fn explain(flake: &str, message: &str) -> NixError {
    let flake = flake.to_owned();
    if message.contains("does not provide attribute") && message.contains("'deploy'") {
        return NixError::NoDeploy { flake };
    }
    NixError::Evaluation {
        flake,
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
        assert!(matches!(explain("x", missing), NixError::NoDeploy { .. }));
        assert!(matches!(
            explain("x", "error: undefined variable"),
            NixError::Evaluation { .. }
        ));
    }
}
