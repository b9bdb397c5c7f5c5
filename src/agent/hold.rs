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
    let missing = nix::invalid(environment, paths).await?;
    for path in paths.iter().filter(|path| !missing.contains(path)) {
        // One that vanishes just now is found missing below.
        nix::root(environment, path, &folder.join(base_name(path))).await?;
    }
    let mut missing = nix::invalid(environment, paths).await?;
    let unrooted = paths
        .iter()
        .filter(|path| folder.join(base_name(path)).read_link().is_err());
    for path in unrooted {
        if !missing.contains(path) {
            missing.push(path.clone());
        }
    }
    Ok(Hold {
        protocol: PROTOCOL_VERSION,
        missing,
    })
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

fn base_name(path: &StorePath) -> &str {
    path.as_str().rsplit('/').next().unwrap_or_default()
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
