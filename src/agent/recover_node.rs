//! `activate recover`: finishing everything that a crash of the node has left, for the unit at boot.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::environment::{Environment, user_of};
use super::error::AgentError;
use super::folder::Folder;
use super::journal;
use super::places::{Place, places, profiles_in};
use super::supervise::{Job, supervise};
use crate::model::{AbsolutePath, RunId};
use crate::process::run;
use crate::protocol::{ActivationResult, Journal};

/// Longer than this, what belongs to one user does not hold up the others.
const USER_LIMIT: Duration = Duration::from_secs(30 * 60);
const REBOOT_LIMIT: Duration = Duration::from_secs(30);

/// Recovers all profiles of the node, each as its owner; `early` only as far as nothing is started.
pub(super) async fn recover_node(
    environment: &Environment,
    early: bool,
    mut output: impl Write,
) -> io::Result<()> {
    let own = rustix::process::geteuid().as_raw();
    let mut reboots = false;
    for place in places() {
        let Place { folder, owner, .. } = place;
        if !place.is_safe {
            let folder = folder.display();
            writeln!(
                output,
                "{folder}: left alone, since others than root can change the way to it"
            )?;
        } else if owner == own {
            reboots |= recover_folder(environment, &folder, early, &mut output).await?;
        } else if own == 0 {
            as_owner(environment, &folder, owner, early, &mut output).await?;
        }
    }
    if reboots {
        writeln!(
            output,
            "the system that nobody confirmed runs; rebooting once"
        )?;
        if let Err(problem) = reboot(environment).await {
            writeln!(output, "cannot reboot: {problem}")?;
        }
    }
    Ok(())
}

/// Recovers the profiles in a folder of the calling user. Returns whether the node is to be
/// rebooted.
pub(super) async fn recover_folder(
    environment: &Environment,
    folder: &Path,
    early: bool,
    mut output: impl Write,
) -> io::Result<bool> {
    let mut reboots = false;
    for profile in profiles_in(folder) {
        match recover_profile(environment, &profile, early).await {
            Ok(None) => {}
            Ok(Some(recovered)) => {
                reboots |= recovered.reboots;
                writeln!(output, "{profile}: {}", recovered.told(early))?;
            }
            Err(error) => writeln!(output, "{profile}: {error}")?,
        }
    }
    Ok(reboots)
}

struct Recovered {
    journal: Journal,
    result: ActivationResult,
    reboots: bool,
}

impl Recovered {
    fn told(&self, early: bool) -> String {
        let Journal {
            run,
            operator,
            phase,
            ..
        } = &self.journal;
        let what = format!("run {run} of {operator}, found in phase '{phase}'");
        match &self.result {
            ActivationResult::Locked { .. } => format!("{what}, is at work and left alone"),
            ActivationResult::RollbackFailed { detail, .. } => format!("{what}: FAILED: {detail}"),
            ActivationResult::NotStarted { reason } => format!("{what}: {reason}"),
            _ if early => format!("{what}: restored as far as nothing has to be started"),
            _ => format!("{what}: recovered"),
        }
    }
}

/// Returns none where nothing is pending.
async fn recover_profile(
    environment: &Environment,
    profile: &AbsolutePath,
    early: bool,
) -> Result<Option<Recovered>, AgentError> {
    let folder = Folder::of(profile);
    folder.check()?;
    let Some(journal) = journal::load(&folder)?.filter(|journal| journal.phase.is_pending()) else {
        return Ok(None);
    };
    if journal.profile_path != *profile {
        return Err(AgentError::Journal {
            path: folder.path().display().to_string(),
            problem: "belongs to another profile".to_owned(),
        });
    }
    let job = Job::Recover {
        run: new_run()?,
        profile_path: profile.clone(),
        early,
    };
    let Some(result) = supervise(environment.clone(), &job).await? else {
        return Ok(None);
    };
    let now = journal::load(&folder)?;
    let reboots = !journal.rebooted && now.is_some_and(|now| now.rebooted);
    Ok(Some(Recovered {
        journal,
        result,
        reboots,
    }))
}

/// What a user may write decides about nothing that is done as root.
async fn as_owner(
    environment: &Environment,
    folder: &Path,
    owner: u32,
    early: bool,
    mut output: impl Write,
) -> io::Result<()> {
    let Some(user) = user_of(owner).await else {
        let folder = folder.display();
        return writeln!(
            output,
            "{folder}: belongs to user {owner}, whom nobody knows"
        );
    };
    let mut variables = vec![
        format!("HOME={}", user.home),
        format!("USER={}", user.name),
        format!("LOGNAME={}", user.name),
    ];
    let runtime = format!("/run/user/{owner}");
    if Path::new(&runtime).is_dir() {
        variables.push(format!("XDG_RUNTIME_DIR={runtime}"));
    }
    let kept = ["PATH", super::fault::VARIABLE, "NIX_CONFIG"];
    for name in kept {
        if let Some(value) = environment.get(name).and_then(|value| value.to_str()) {
            variables.push(format!("{name}={value}"));
        }
    }
    let call = environment
        .program("setpriv")
        .args([
            format!("--reuid={owner}"),
            format!("--regid={}", user.group),
            "--init-groups".to_owned(),
        ])
        .args(["--", "env", "-i"])
        .args(variables)
        .arg(environment.executable())
        .arg("recover-folder")
        .args(early.then_some("--early"))
        .arg(folder)
        .directory("/")
        .time_limit(USER_LIMIT);
    match run(&call).await {
        Ok(ended) => {
            output.write_all(&ended.stdout)?;
            if !ended.status.success() {
                let said = ended.stderr.text();
                writeln!(output, "{}: {said}", folder.display())?;
            }
            Ok(())
        }
        Err(error) => writeln!(
            output,
            "{}: {}",
            folder.display(),
            super::error::chain(&error)
        ),
    }
}

async fn reboot(environment: &Environment) -> Result<(), String> {
    let call = environment
        .program("systemctl")
        .args(["--no-block", "reboot"])
        .time_limit(REBOOT_LIMIT);
    match run(&call).await {
        Ok(ended) if ended.status.success() => Ok(()),
        Ok(ended) => Err(ended.stderr.text()),
        Err(error) => Err(super::error::chain(&error)),
    }
}

/// Returns an id for a run that no operator has named.
pub(super) fn new_run() -> Result<RunId, AgentError> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 16];
    std::fs::File::open(path)
        .and_then(|mut file| io::Read::read_exact(&mut file, &mut bytes))
        .map_err(AgentError::file("read", path))?;
    Ok(RunId::from_bytes(bytes))
}
