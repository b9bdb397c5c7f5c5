//! Running the checks of a fleet.

use super::NixError;
use super::command::Nix;
use super::file;
use crate::config::Origin;
use crate::process::{Invocation, run_with};

const DOING: &str = "checking the fleet";

/// Runs the checks beside a fleet to their end.
///
/// # Errors
/// With what Nix said, where one of them fails.
pub async fn check(
    nix: &Nix,
    origin: &Origin,
    mut on_line: impl FnMut(&str),
) -> Result<(), NixError> {
    let mut message = String::new();
    let finished = run_with(&invocation(nix, origin), |line| {
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
        origin: origin.clone(),
        message: message.trim_end().to_owned(),
    })
}

fn invocation(nix: &Nix, origin: &Origin) -> Invocation {
    let call = match origin {
        Origin::Flake(reference) => Nix::nix(&["flake", "check"]).arg(reference),
        Origin::File(path) => file::checks(path),
    };
    call.args(&nix.arguments)
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
        for (origin, end) in [
            (
                Origin::Flake("./fleet".into()),
                " flake check ./fleet --impure",
            ),
            (Origin::File("./fleet.nix".into()), " or { } --impure"),
        ] {
            let line = invocation(&nix, &origin).to_string();
            assert!(line.ends_with(end), "{line}");
        }
    }
}
