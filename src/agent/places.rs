//! Where on a node profiles may lie that this tool has worked on.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::model::{AbsolutePath, Generation};

const PROFILES: &str = "/nix/var/nix/profiles";
/// Nix has a link here to every generation that lies elsewhere.
const AUTO_ROOTS: &str = "/nix/var/nix/gcroots/auto";

/// A folder with profiles, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The folder that holds the profile links.
    pub(super) folder: PathBuf,
    /// The user that alone may work on them.
    pub(super) owner: u32,
}

/// Returns the folders in which this tool has worked.
pub(super) fn places() -> BTreeSet<Place> {
    let direct = [PathBuf::from(PROFILES)].into_iter();
    let of_users = entries(&Path::new(PROFILES).join("per-user"));
    let elsewhere = entries(Path::new(AUTO_ROOTS))
        .filter_map(|link| folder_of_generation(&link.read_link().ok()?));
    direct
        .chain(of_users)
        .chain(elsewhere)
        .filter_map(|folder| place(&folder))
        .collect()
}

/// Returns the profiles in a folder that this tool has worked on.
pub(super) fn profiles_in(folder: &Path) -> Vec<AbsolutePath> {
    let mut profiles: Vec<AbsolutePath> = entries(&folder.join(".deploy"))
        .filter_map(|entry| {
            let profile = folder.join(entry.file_name()?);
            profile.to_str()?.parse().ok()
        })
        .collect();
    profiles.sort();
    profiles
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}

/// Returns the folder of `…/NAME-NUMBER-link`.
fn folder_of_generation(link: &Path) -> Option<PathBuf> {
    let name = link.file_name()?.to_str()?;
    let (profile, _) = name.strip_suffix("-link")?.rsplit_once('-')?;
    Generation::from_link_name(profile, name)?;
    link.is_absolute()
        .then(|| link.parent().map(Path::to_owned))?
}

/// What is told here is decided upon by the owner alone: everybody can register a root that leads
/// anywhere. Root works only where nobody else can have made any part of the way.
fn place(folder: &Path) -> Option<Place> {
    let metadata = folder.symlink_metadata().ok()?;
    let owner = metadata.uid();
    let has_worked = folder.join(".deploy").symlink_metadata().ok()?.is_dir();
    let is_safe = owner != 0 || folder.ancestors().all(is_of_root);
    (metadata.is_dir() && has_worked && is_safe).then(|| Place {
        folder: folder.to_owned(),
        owner,
    })
}

fn is_of_root(folder: &Path) -> bool {
    // In a folder with the sticky bit others cannot replace what is root's.
    folder.symlink_metadata().is_ok_and(|metadata| {
        let (is_shared, is_sticky) = (metadata.mode() & 0o022 != 0, metadata.mode() & 0o1000 != 0);
        metadata.is_dir() && metadata.uid() == 0 && (!is_shared || is_sticky)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_lead_to_their_folder() {
        let folder = |text| folder_of_generation(Path::new(text));
        assert_eq!(folder("/home/a/p/x-1-link"), Some("/home/a/p".into()));
        assert_eq!(folder("/home/a/p/x-y-12-link"), Some("/home/a/p".into()));
        for other in ["/home/a/result", "/home/a/x-link", "x-1-link", "/"] {
            assert_eq!(folder(other), None, "{other}");
        }
    }

    #[test]
    fn a_way_that_somebody_else_can_change_is_not_roots() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a");
        fs::create_dir_all(folder.join(".deploy/p")).unwrap();
        let own = rustix::process::geteuid().as_raw();
        let found = place(&folder).map(|place| place.owner);
        assert_eq!(found, Some(own));
        let link = root.path().join("b");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert_eq!(place(&link), None);
        if own == 0 {
            fs::create_dir_all(folder.join("in/.deploy")).unwrap();
            assert_eq!(place(&link.join("in")), None, "through a link");
            std::os::unix::fs::chown(&folder, Some(1), None).unwrap();
            assert_eq!(place(&folder.join("in")), None, "below a user's folder");
        }
        assert_eq!(
            profiles_in(&folder),
            [format!("{}/p", folder.display()).parse().unwrap()]
        );
    }
}
