//! The operator's state folder: what runs leave behind, and what keeps the outputs of plans.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::CliError;
use crate::model::RunId;

/// How many runs are kept.
const RUNS_KEPT: usize = 50;

/// The operator's state folder.
#[derive(Debug, Clone)]
pub(super) struct StateFolder(PathBuf);

impl StateFolder {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Makes the folder of a run, and removes those of the oldest.
    pub(super) fn run_folder(&self, run: &RunId) -> Result<PathBuf, CliError> {
        let runs = self.0.join("runs");
        let folder = run_folder_in(&runs, run)?;
        let mut all = entries(&runs);
        all.sort();
        for old in all.iter().rev().skip(RUNS_KEPT) {
            remove(old);
        }
        Ok(folder)
    }

    /// Makes the folder whose links keep the outputs of a plan until it expires.
    pub(super) fn plan_folder(&self, plan: &RunId, expire: Duration) -> Result<PathBuf, CliError> {
        self.remove_expired();
        let folder = self.0.join("plans").join(plan.as_str());
        make_private(&folder)?;
        let expires = seconds(SystemTime::now() + expire);
        let file = folder.join("expires");
        fs::write(&file, expires.to_string())
            .map_err(|source| CliError::io("could not write", &file, source))?;
        Ok(folder)
    }

    /// Lets the outputs of a plan go.
    pub(super) fn remove_plan(&self, plan: &RunId) {
        remove(&self.0.join("plans").join(plan.as_str()));
    }

    /// Lets the outputs of expired plans go.
    pub(super) fn remove_expired(&self) {
        let now = seconds(SystemTime::now());
        for folder in entries(&self.0.join("plans")) {
            let expires = fs::read_to_string(folder.join("expires"))
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .or_else(|| being_made_until(&folder));
            if expires.is_none_or(|expires: u64| expires <= now) {
                remove(&folder);
            }
        }
    }
}

/// Makes the folder of a run in a folder that belongs to the operator, where it stays.
pub(super) fn run_folder_in(runs: &Path, run: &RunId) -> Result<PathBuf, CliError> {
    let time = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let time = time.replace(['-', ':'], "");
    let folder = runs.join(format!("{time}-{}", &run.as_str()[..8]));
    make_private(&folder)?;
    Ok(folder)
}

/// Another `deploy` may just be making the folder: it is left alone for a minute.
fn being_made_until(folder: &Path) -> Option<u64> {
    let changed = fs::metadata(folder).and_then(|folder| folder.modified());
    Some(seconds(changed.ok()? + Duration::from_secs(60)))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map(|since| since.as_secs())
        .unwrap_or_default()
}

fn make_private(folder: &Path) -> Result<(), CliError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| CliError::io("could not make the folder", folder, source))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

/// What cannot be removed now is tried again by the next command.
fn remove(folder: &Path) {
    fs::remove_dir_all(folder).ok();
}
