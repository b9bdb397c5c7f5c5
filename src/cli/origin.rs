//! Whether a TARGET means a flake or a Nix file: the file system decides.

use std::path::Path;

use super::error::CliError;
use crate::config::{Origin, TargetArgument};

const FLAKE: &str = "flake.nix";
const FILE: &str = "default.nix";

/// Returns what these TARGETs mean: nodes and profiles of `file` where there is one.
pub(super) fn located(
    targets: &[TargetArgument],
    file: Option<&str>,
) -> Result<Vec<TargetArgument>, CliError> {
    let located = targets.iter().cloned().map(|target| match file {
        Some(file) => Ok(target.in_file(file)?),
        None => Ok(TargetArgument {
            origin: origin_of(target.origin.reference()),
            ..target
        }),
    });
    located.collect()
}

/// Returns what a reference of the command line means: a file that is called so, a folder with a
/// `default.nix` that is part of no flake, else a flake.
pub(super) fn origin_of(reference: &str) -> Origin {
    let reference = reference.to_owned();
    if is_nix_file(&reference) || is_folder_without_flake(Path::new(&reference)) {
        Origin::File(reference)
    } else {
        Origin::Flake(reference)
    }
}

/// Returns whether there is a Nix file of this name. No flake can have it.
pub(super) fn is_nix_file(reference: &str) -> bool {
    let path = Path::new(reference);
    let is_nix = path.extension().is_some_and(|ending| ending == "nix");
    is_nix && path.is_file()
}

fn is_folder_without_flake(path: &Path) -> bool {
    // Anything else is a name for Nix, and no path.
    let is_path = path.is_absolute() || path.starts_with(".") || path.starts_with("..");
    is_path && path.join(FILE).is_file() && !is_in_flake(path)
}

/// Looks upwards as Nix does: as far as the Git repository goes.
fn is_in_flake(path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else {
        return false;
    };
    for folder in path.ancestors() {
        if folder.join(FLAKE).exists() {
            return true;
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_a_file_only_where_no_flake_is_above() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let is_file = |name: &str| {
            let reference = path(name).display().to_string();
            origin_of(&reference) == Origin::File(reference)
        };
        for file in [
            "flake/flake.nix",
            "flake/sub/default.nix",
            "flake/repository/.git/HEAD",
            "flake/repository/default.nix",
            "compat/flake.nix",
            "compat/default.nix",
            "site.nix/flake.nix",
        ] {
            std::fs::create_dir_all(path(file).parent().unwrap()).unwrap();
            std::fs::write(path(file), "").unwrap();
        }
        assert!(is_file("flake/repository"));
        assert!(is_file("flake/sub/default.nix"));
        for flake in ["flake", "flake/sub", "compat", "site.nix", "nowhere.nix"] {
            assert!(!is_file(flake), "{flake}");
        }
    }

    #[test]
    fn names_for_nix_are_flakes() {
        for name in ["nixpkgs", "github:a/b", "path:/x"] {
            assert_eq!(origin_of(name), Origin::Flake(name.to_owned()));
        }
    }
}
