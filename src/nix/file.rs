//! Nix expressions and calls for a fleet that a file describes, without flakes.
//!
//! The file evaluates to a set with `deploy` and perhaps `checks.<system>`, or to a function of a
//! set that does, as deploy-rs has it.

use crate::config::nix_string;
use crate::process::Invocation;

/// What an evaluation ends with where the file has no such attribute.
pub(super) const NO_DEPLOY: &str = "the file has no attribute 'deploy'";

/// Returns the call that applies a function to what the file says in `deploy`.
pub(super) fn evaluation(path: &str, function: &str) -> Invocation {
    let words = [
        "--eval",
        "--strict",
        "--json",
        "--read-write-mode",
        "--expr",
    ];
    let missing = nix_string(NO_DEPLOY);
    Invocation::new("nix-instantiate")
        .titled("nix-instantiate --eval")
        .args(words)
        .arg(format!(
            "{}({function}) (fleet.deploy or (throw {missing}))",
            fleet(path)
        ))
}

/// Returns the call that builds the checks that the file has for this system.
pub(super) fn checks(path: &str) -> Invocation {
    Invocation::new("nix-build")
        .titled("nix-build")
        .args(["--no-out-link", "--expr"])
        .arg(format!(
            "{}fleet.checks.${{builtins.currentSystem}} or {{ }}",
            fleet(path)
        ))
}

/// Binds `fleet` to what the file evaluates to. Its path is never Nix text: it may have blanks.
fn fleet(path: &str) -> String {
    let path = match path.strip_prefix('/') {
        Some(_) => nix_string(path),
        None => format!("(toString ./. + {})", nix_string(&format!("/{path}"))),
    };
    format!(
        "let file = import {path}; fleet = if builtins.isFunction file then file {{ }} else file; in "
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_string_from_the_working_folder_on() {
        for (path, expected) in [
            ("/a b/${x}.nix", r#"import "/a b/\${x}.nix";"#),
            (".", r#"import (toString ./. + "/.");"#),
            (
                "../fleet.nix",
                r#"import (toString ./. + "/../fleet.nix");"#,
            ),
        ] {
            assert!(fleet(path).contains(expected), "{}", fleet(path));
        }
    }
}
