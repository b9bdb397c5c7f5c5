//! Starting the supervisor where the end of the connection does not reach it.
//!
//! Below systemd it is a unit of its own, which also survives logind's `KillUserProcesses`;
//! elsewhere, and where that fails, a session of its own.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::environment::Environment;
use super::supervise::Job;
use super::system::{has_systemd, lingers};
use crate::process::{Detached, Invocation, ProcessError, run, spawn_detached};
use crate::protocol::to_line;

/// `systemd-run` answers at once, or not at all.
const SYSTEMD_LIMIT: Duration = Duration::from_secs(15);
/// What makes a unit as hard to end as a session is. A stopped one must not take down what the
/// activation has started, an activation may isolate a target, and may have a child for which
/// there is not enough memory.
const UNIT_PROPERTIES: [&str; 3] = [
    "KillMode=process",
    "IgnoreOnIsolate=yes",
    "OOMPolicy=continue",
];
/// What belongs to the session that asked, and would mislead a process outside of it.
const SESSION_VARIABLES: [&str; 16] = [
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "MANAGERPID",
    "NOTIFY_SOCKET",
    "OLDPWD",
    "PWD",
    "SHLVL",
    "SYSTEMD_EXEC_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "XDG_SESSION_CLASS",
    "XDG_SESSION_ID",
    "XDG_SESSION_TYPE",
];

/// How a supervisor is started on this node, for this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// A unit of the system's systemd.
    SystemUnit,
    /// A unit of the user's own systemd, which stays when the user logs out.
    UserUnit,
    /// A session of its own.
    Session,
}

/// Starts the supervisor of `job`; its own child where it is one, so that its end is noticed.
pub(super) async fn start_supervisor(
    environment: &Environment,
    job: &Job,
    output: &File,
) -> Result<Option<Detached>, ProcessError> {
    let manner = manner().await;
    if manner != Manner::Session {
        let call = unit(environment, job, manner).time_limit(SYSTEMD_LIMIT);
        if run(&call).await.is_ok_and(|ended| ended.status.success()) {
            return Ok(None);
        }
    }
    let call = Invocation::new(environment.own_executable())
        .args(["supervise", &argument(job)])
        .directory("/");
    spawn_detached(&environment.as_after_login(call), None, output).map(Some)
}

async fn manner() -> Manner {
    if !has_systemd() {
        return Manner::Session;
    }
    if rustix::process::geteuid().is_root() {
        return Manner::SystemUnit;
    }
    match user_name().await {
        Some(name) if lingers(&name) => Manner::UserUnit,
        _ => Manner::Session,
    }
}

async fn user_name() -> Option<String> {
    let call = Invocation::new("id").arg("-un").time_limit(SYSTEMD_LIMIT);
    let name = String::from_utf8(run(&call).await.ok()?.stdout).ok()?;
    let name = name.trim();
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}

/// systemd expands `$` in the command lines of units. In JSON one can do without.
fn argument(job: &Job) -> String {
    to_line(job).replace('$', "\\u0024")
}

fn unit(environment: &Environment, job: &Job, manner: Manner) -> Invocation {
    let folder = job.folder();
    let mut call = Invocation::new("systemd-run");
    if manner == Manner::UserUnit {
        let runtime = format!("/run/user/{}", rustix::process::geteuid().as_raw());
        call = call.arg("--user").env("XDG_RUNTIME_DIR", runtime);
    }
    call.args([
        "--quiet",
        "--collect",
        "--no-ask-password",
        "--service-type=exec",
    ])
    .arg(format!("--unit={}", unit_name(job)))
    .arg(format!(
        "--description=deploy: {}",
        printable(folder.profile().as_str())
    ))
    .args(UNIT_PROPERTIES.map(|property| format!("--property={property}")))
    .arg("--working-directory=/")
    .args(environment.variables().filter_map(assignment))
    .arg("--")
    .arg(environment.executable())
    .args(["supervise", &argument(job)])
}

/// One run may activate several profiles of one node.
fn unit_name(job: &Job) -> String {
    let mut hasher = DefaultHasher::new();
    job.folder().profile().hash(&mut hasher);
    job.kind().hash(&mut hasher);
    format!("deploy-{}-{:016x}", job.run(), hasher.finish())
}

fn printable(text: &str) -> String {
    text.replace(['%', '$'], "_")
}

/// Returns the option that hands a variable on, where systemd can carry it.
fn assignment((name, value): (&OsStr, &OsStr)) -> Option<OsString> {
    let (name, value) = (name.to_str()?, value.to_str()?);
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty();
    let is_of_session = SESSION_VARIABLES.contains(&name) || name.starts_with("SSH_");
    let is_plain = !value
        .chars()
        .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t'));
    (is_name && !is_of_session && is_plain).then(|| format!("--setenv={name}={value}").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunId;

    fn job(profile: &str) -> Job {
        Job::Revoke {
            run: RunId::from_bytes([3; 16]),
            profile_path: profile.parse().unwrap(),
        }
    }

    async fn words(manner: Manner) -> Vec<String> {
        let variables = [
            ("PATH", "/bin:/x y"),
            ("HOME", "/root"),
            ("USER", "root"),
            ("LOGNAME", "root"),
            ("NIX_PATH", "$x"),
            ("SSH_CLIENT", "1"),
            ("INVOCATION_ID", "2"),
            ("BASH_FUNC_x%%", "3"),
            ("ESCAPE", "\u{1b}"),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let environment = Environment::new(variables.into(), "/store/activate".into()).await;
        let call = unit(&environment, &job("/p/$HOME"), manner);
        call.arguments()
            .map(|word| word.to_str().unwrap().to_owned())
            .collect()
    }

    #[tokio::test]
    async fn a_unit_has_what_the_session_had() {
        let words = words(Manner::SystemUnit).await;
        for word in [
            "--collect",
            "--property=KillMode=process",
            "--setenv=PATH=/bin:/x y",
            "--setenv=HOME=/root",
            "--setenv=NIX_PATH=$x",
        ] {
            assert!(
                words.iter().any(|other| other == word),
                "{word} in {words:?}"
            );
        }
        let set: Vec<_> = words
            .iter()
            .filter(|word| word.starts_with("--setenv"))
            .collect();
        assert_eq!(set.len(), 5, "{set:?}");
        let end = words.iter().position(|word| word == "--").unwrap();
        assert_eq!(words[end + 1..end + 3], ["/store/activate", "supervise"]);
        assert!(!words[end + 3].contains('$'), "{}", words[end + 3]);
        assert_eq!(
            serde_json::from_str::<Job>(&words[end + 3]).unwrap(),
            job("/p/$HOME")
        );
        assert!(!words.contains(&"--user".to_owned()));
    }

    #[tokio::test]
    async fn a_user_has_a_unit_of_its_own_systemd() {
        assert_eq!(words(Manner::UserUnit).await[0], "--user");
    }

    #[test]
    fn two_profiles_of_one_run_have_two_units() {
        assert_ne!(unit_name(&job("/a/profile")), unit_name(&job("/b/profile")));
        assert!(unit_name(&job("/a")).starts_with("deploy-0303"));
    }
}
