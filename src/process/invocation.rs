//! A command line as a value, built and tested without a process.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What to run, with which arguments, input and limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    pub(super) program: OsString,
    pub(super) title: Option<String>,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: Option<PathBuf>,
    pub(super) stdin: Vec<u8>,
    pub(super) time_limit: Option<Duration>,
    pub(super) may_ask: bool,
}

impl Invocation {
    /// Returns a call of `program` without arguments, input or limit.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            title: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            stdin: Vec::new(),
            time_limit: None,
            may_ask: false,
        }
    }

    /// Sets what a recording calls it, instead of its program.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Sets what the child reads; without it, standard input is empty.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.stdin = input.into();
        self
    }

    /// Sets the time after which the child's whole process group is ended.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Returns a call of `wrapper` with these arguments, then this call's program and arguments;
    /// everything else stays.
    #[must_use]
    pub fn through<T: Into<OsString>>(
        mut self,
        wrapper: impl Into<OsString>,
        arguments: impl IntoIterator<Item = T>,
    ) -> Self {
        let program = std::mem::replace(&mut self.program, wrapper.into());
        let own = std::mem::take(&mut self.arguments);
        self.arguments = arguments.into_iter().map(Into::into).collect();
        self.arguments.push(program);
        self.arguments.extend(own);
        self
    }

    /// Lets the child ask on the terminal: it stays in the group that the terminal listens to.
    #[must_use]
    pub fn may_ask(mut self) -> Self {
        self.may_ask = true;
        self
    }

    /// Returns the program's name without its folder.
    pub fn program_name(&self) -> String {
        let name = std::path::Path::new(&self.program)
            .file_name()
            .unwrap_or(&self.program);
        name.to_string_lossy().into_owned()
    }

    /// Returns the arguments, for tests and logs.
    pub fn arguments(&self) -> impl Iterator<Item = &OsStr> {
        self.arguments.iter().map(OsString::as_os_str)
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.program.to_string_lossy())?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(formatter, " {}", argument.to_string_lossy()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_comes_first() {
        let wrapped = Invocation::new("ls")
            .arg("-l")
            .env("A", "b")
            .through("env", ["-i"]);
        assert_eq!(
            wrapped,
            Invocation::new("env")
                .args(["-i", "ls", "-l"])
                .env("A", "b")
        );
    }
}
