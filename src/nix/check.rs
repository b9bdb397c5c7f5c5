//! Running the checks of a flake.

use super::NixError;
use super::command::Nix;
use crate::process::{Invocation, run_with};

const DOING: &str = "checking the flake";

/// Runs the checks of a flake to their end.
///
/// # Errors
/// With what Nix said, where one of them fails.
pub async fn check(nix: &Nix, flake: &str, mut on_line: impl FnMut(&str)) -> Result<(), NixError> {
    let mut message = String::new();
    let finished = run_with(&invocation(nix, flake), |line| {
        on_line(line);
        message.push_str(line);
        message.push('\n');
    })
    .await
    .map_err(|source| NixError::process(DOING, source))?;
    if finished.status.success() {
        return Ok(());
    }
    Err(NixError::Checks {
        flake: flake.to_owned(),
        message: message.trim_end().to_owned(),
    })
}

fn invocation(nix: &Nix, flake: &str) -> Invocation {
    Nix::nix(&["flake", "check"])
        .arg(flake)
        .args(&nix.arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_for_nix_are_for_its_checks_too() {
        let nix = Nix {
            arguments: vec!["--impure".into()],
            ..Nix::default()
        };
        let line = invocation(&nix, "./fleet").to_string();
        assert!(line.ends_with(" flake check ./fleet --impure"), "{line}");
    }
}
