//! What the agent's caller gave it: variables, home folder, where programs are.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::AgentError;
use super::system::running_executable;
use crate::process::{Invocation, run};

/// Where Nix is when PATH does not say so.
const NIX_FOLDERS: [&str; 2] = [
    "/nix/var/nix/profiles/default/bin",
    "/run/current-system/sw/bin",
];

/// What a login sets.
const OF_LOGIN: [&str; 3] = ["HOME", "USER", "LOGNAME"];

/// The variables and places of one call of the agent.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    variables: Vec<(OsString, OsString)>,
    executable: PathBuf,
    missing: Vec<(&'static str, OsString)>,
}

impl Environment {
    /// Takes over these variables; asks the user database where they lack what every login has,
    /// and a service that the system starts has not.
    pub(super) async fn new(variables: Vec<(OsString, OsString)>, executable: PathBuf) -> Self {
        let mut environment = Self {
            variables,
            executable,
            missing: Vec::new(),
        };
        let missing = OF_LOGIN.map(|name| environment.get(name).is_none());
        if missing.contains(&true)
            && let Some(user) = user_of(rustix::process::geteuid().as_raw()).await
        {
            let values = [user.home, user.name.clone(), user.name].map(OsString::from);
            let all = OF_LOGIN.into_iter().zip(values).zip(missing);
            let missing = all.filter(|(_, missing)| *missing);
            environment.missing = missing.map(|(variable, _)| variable).collect();
        }
        environment
    }

    /// Returns a variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .iter()
            .find(|(other, value)| other == name && !value.is_empty())
            .map(|(_, value)| value.as_os_str())
    }

    /// Returns all variables, with what was missing.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
            .chain(self.missing())
    }

    fn missing(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let missing = self.missing.iter();
        missing.map(|(name, value)| (OsStr::new(name), value.as_os_str()))
    }

    /// Returns the home folder.
    pub(super) fn home(&self) -> Result<&Path, AgentError> {
        let mut missing = self.missing();
        self.get("HOME")
            .or_else(|| Some(missing.find(|(name, _)| *name == "HOME")?.1))
            .map(Path::new)
            .ok_or(AgentError::NoHome)
    }

    /// Returns the folder for the caller's own state.
    pub(super) fn state_home(&self) -> Result<PathBuf, AgentError> {
        match self.get("XDG_STATE_HOME").map(Path::new) {
            Some(path) if path.is_absolute() => Ok(path.to_owned()),
            _ => Ok(self.home()?.join(".local/state")),
        }
    }

    /// Returns this executable's path, which still works when the file was deleted meanwhile.
    pub(super) fn own_executable(&self) -> &Path {
        running_executable().unwrap_or(&self.executable)
    }

    /// Returns this executable's path as another process can use it.
    pub(super) fn executable(&self) -> &Path {
        &self.executable
    }

    /// Returns a call of `program` from PATH, or from where Nix usually is, as after a login.
    pub(super) fn program(&self, program: &str) -> Invocation {
        let path = self.find(program).unwrap_or_else(|| program.into());
        self.as_after_login(Invocation::new(path))
    }

    /// Returns the call with what was missing: old versions of Nix need HOME, activations more.
    pub(super) fn as_after_login(&self, invocation: Invocation) -> Invocation {
        self.missing()
            .fold(invocation, |invocation, (name, value)| {
                invocation.env(name, value)
            })
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        let path = self.get("PATH").unwrap_or_default();
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .chain(NIX_FOLDERS.iter().map(PathBuf::from))
            .chain(self.home().ok().map(|home| home.join(".nix-profile/bin")))
            .map(|folder| folder.join(program))
            .find(|file| is_executable(file))
    }
}

/// Returns whether `path` is a file that may be executed.
pub(super) fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// What the user database says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// The name.
    pub(super) name: String,
    /// The number of the primary group.
    pub(super) group: u32,
    /// The home folder.
    pub(super) home: String,
}

/// Asks `getent`, since a static executable cannot use the C library's user database.
pub(super) async fn user_of(uid: u32) -> Option<User> {
    let question = Invocation::new("getent")
        .args(["passwd", &uid.to_string()])
        .time_limit(Duration::from_secs(5));
    let answer = run(&question).await.ok()?;
    parse_user(&String::from_utf8(answer.stdout).ok()?)
}

fn parse_user(entry: &str) -> Option<User> {
    let fields: Vec<&str> = entry.lines().next()?.split(':').collect();
    let home = fields.get(5).filter(|home| home.starts_with('/'))?;
    Some(User {
        name: fields.first()?.to_string(),
        group: fields.get(3)?.parse().ok()?,
        home: home.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        Environment::new(variables.collect(), "/agent".into()).await
    }

    #[test]
    fn reads_an_entry_of_the_user_database() {
        let user = parse_user("a:x:1:2:A:/home/a:/bin/sh\n").unwrap();
        assert_eq!((user.name.as_str(), user.group), ("a", 2));
        assert_eq!(user.home, "/home/a");
        for text in ["", "a:x:1", "a:x:1:2:A:relative:/bin/sh"] {
            assert_eq!(parse_user(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn what_a_login_sets_comes_from_the_database_where_it_is_missing() {
        let without = environment(&[("HOME", ""), ("USER", "somebody")]).await;
        assert!(without.home().unwrap().is_absolute());
        let missing: Vec<_> = without.missing().collect();
        assert_eq!(missing.len(), 2, "{missing:?}");
        for (name, value) in missing {
            assert!(["HOME", "LOGNAME"].map(OsStr::new).contains(&name));
            assert!(!value.is_empty() && without.variables().any(|pair| pair == (name, value)));
        }
        let with = environment(&[("HOME", "/h")]).await;
        assert_eq!(with.state_home().unwrap(), Path::new("/h/.local/state"));
    }

    #[tokio::test]
    async fn programs_are_found_on_the_path() {
        let environment =
            environment(&[("HOME", "/h"), ("PATH", "relative:/does/not/exist:/bin")]).await;
        assert_eq!(environment.find("sh"), Some("/bin/sh".into()));
        assert_eq!(
            environment.program("no-such-program").program_name(),
            "no-such-program"
        );
    }
}
