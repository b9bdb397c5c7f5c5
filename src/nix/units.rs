//! Reading the unit files of a system or a home in the operator's store.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::model::StorePath;
use crate::plan::{
    HomeUnits, SystemUnits, TREE_FILE_MAX, TargetUnits, UNITS_OF_HOME, UnitEntry, UnitFiles,
    restarts_users, text_of_bytes,
};

/// The program that an activation of home-manager leaves units to.
const SD_SWITCH: &[u8] = b"/bin/sd-switch";

/// Returns the unit files of a target; nothing of what brings no units.
pub fn target_units(path: &StorePath) -> Option<TargetUnits> {
    let path = Path::new(path.as_str());
    if path.join("bin/switch-to-configuration").exists() {
        Some(TargetUnits::System(Box::new(system_units(path))))
    } else if path.join("home-files").exists() && path.join("activate").exists() {
        Some(TargetUnits::Home(home_units(path)))
    } else {
        None
    }
}

fn system_units(path: &Path) -> SystemUnits {
    let text = |place: &str| match read_text(&path.join(place)) {
        UnitEntry::Text(text) => text,
        _ => String::new(),
    };
    SystemUnits {
        system: read_folder(&path.join("etc/systemd/system")),
        user: read_folder(&path.join("etc/systemd/user")),
        restarts_users: restarts_users(&text("etc/os-release")),
        fstab: text("etc/fstab"),
    }
}

fn home_units(path: &Path) -> HomeUnits {
    let activation = fs::read(path.join("activate")).unwrap_or_default();
    HomeUnits {
        units: read_folder(&path.join(UNITS_OF_HOME)),
        switches: activation
            .windows(SD_SWITCH.len())
            .any(|window| window == SD_SWITCH),
    }
}

fn read_folder(folder: &Path) -> UnitFiles {
    let mut entries = Vec::new();
    let mut files = UnitFiles::default();
    for (name, path) in children(folder) {
        let is_link = path.is_symlink();
        if is_link || !path.is_dir() {
            files.marks.insert(name.clone(), mark(&path));
        }
        if !path.is_dir() {
            entries.extend(entry(&name, &path));
            continue;
        }
        for (child, path) in children(&path) {
            if path.is_dir() {
                continue;
            }
            let place = format!("{name}/{child}");
            if !is_link {
                files.marks.insert(place.clone(), mark(&path));
            }
            entries.extend(entry(&place, &path));
        }
    }
    files.tree = entries.into_iter().collect();
    files
}

pub(super) fn children(folder: &Path) -> Vec<(String, std::path::PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let entries = entries.filter_map(Result::ok);
    // A name that is no text is no unit's.
    let named =
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
    named.collect()
}

/// Where a link leads, or what a file holds: in a store neither changes.
pub(super) fn mark(path: &Path) -> String {
    match fs::read_link(path) {
        Ok(target) => target.to_string_lossy().into_owned(),
        Err(_) => fs::read(path).map_or_else(
            |_| String::new(),
            |content| {
                let hash = Sha256::digest(&content);
                let mut mark = "sha256:".to_owned();
                for byte in hash {
                    let _ = write!(mark, "{byte:02x}");
                }
                mark
            },
        ),
    }
}

fn entry(place: &str, path: &Path) -> Option<(String, UnitEntry)> {
    let is_pulled = place
        .split_once('/')
        .is_some_and(|(folder, _)| folder.rsplit('.').next() != Some("d"));
    let entry = match fs::metadata(path) {
        _ if is_pulled => UnitEntry::Pulled,
        Err(_) => return None,
        Ok(metadata) if metadata.file_type().is_char_device() => UnitEntry::Masked,
        Ok(_) => read_text(path),
    };
    Some((place.to_owned(), entry))
}

fn read_text(path: &Path) -> UnitEntry {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(TREE_FILE_MAX + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => UnitEntry::of(text_of_bytes(bytes)),
        Err(error) => UnitEntry::Unseen(error.to_string()),
    }
}
