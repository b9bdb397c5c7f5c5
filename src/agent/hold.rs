//! `hold` and `release`: keeping copied closures from garbage collection until their run ends.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::environment::Environment;
use super::error::AgentError;
use super::nix;
use crate::model::{RunId, StorePath};
use crate::protocol::{Hold, PROTOCOL_VERSION};

/// What a run left that never came to its end is dropped after this time.
const LEFT_BEHIND: Duration = Duration::from_secs(7 * 24 * 3600);

/// The link to the first path; Nix numbers those to the others.
const LINK: &str = "path";

/// Roots the paths that are valid, and tells which are not.
pub(super) async fn hold(
    environment: &Environment,
    run: &RunId,
    paths: &[StorePath],
) -> Result<Hold, AgentError> {
    let roots = roots(environment)?;
    drop_left_behind(&roots);
    let folder = roots.join(run.as_str());
    fs::create_dir_all(&folder).map_err(AgentError::file("create the folder", &folder))?;
    let links = own_folder(&folder)?;
    let missing = match nix::root(environment, paths, &links.join(LINK)).await? {
        None => Vec::new(),
        Some(_) => hold_valid(environment, paths, &links).await?,
    };
    Ok(Hold {
        protocol: PROTOCOL_VERSION,
        missing,
    })
}

/// Does it again without those that are not valid, and returns them.
async fn hold_valid(
    environment: &Environment,
    paths: &[StorePath],
    links: &Path,
) -> Result<Vec<StorePath>, AgentError> {
    loop {
        let missing = nix::invalid(environment, paths).await?;
        let valid = paths.iter().filter(|path| !missing.contains(path));
        let valid: Vec<StorePath> = valid.cloned().collect();
        let Some(detail) = nix::root(environment, &valid, &links.join(LINK)).await? else {
            return Ok(missing);
        };
        // Another one may just have been collected.
        if nix::invalid(environment, &valid).await?.is_empty() {
            return Err(AgentError::NotKept { detail });
        }
    }
}

/// Makes a folder that no other call of this run has: profiles behind several logins may be held beside each other.
fn own_folder(folder: &Path) -> Result<PathBuf, AgentError> {
    let mut number = 0_u64;
    loop {
        let own = folder.join(number.to_string());
        match fs::create_dir(&own) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            made => {
                made.map_err(AgentError::file("create the folder", &own))?;
                return Ok(own);
            }
        }
    }
}

/// Drops what [`hold`] of this run kept.
pub(super) fn release(environment: &Environment, run: &RunId) -> Result<(), AgentError> {
    let folder = roots(environment)?.join(run.as_str());
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(AgentError::file("remove", &folder)),
    }
}

fn roots(environment: &Environment) -> Result<PathBuf, AgentError> {
    Ok(environment.state_home()?.join("deploy/roots"))
}

fn drop_left_behind(roots: &Path) {
    let limit = SystemTime::now() - LEFT_BEHIND;
    for entry in fs::read_dir(roots).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        if modified.is_ok_and(|modified| modified < limit) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
