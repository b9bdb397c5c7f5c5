//! A command as a value: what runs in which machine, as whom, where, with what environment
//! and for how long. Waiting for it is in `running`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{self, Stdio};
use std::time::Duration;

use super::capture::Capture;
use super::machine::Machine;
use super::output::Output;
use super::running::Running;

const DEFAULT_LIMIT: Duration = Duration::from_secs(120);

/// `env` also undoes that a shell ignores SIGINT for what it runs in the background.
const INSIDE: [&str; 9] = [
    "--mount",
    "--uts",
    "--ipc",
    "--pid",
    "--",
    "setsid",
    "env",
    "--ignore-environment",
    "--default-signal",
];

enum Input {
    Nothing,
    Text(String),
    Pipe,
}

/// A command that is to run in a machine, with an empty environment but for what a login
/// would set.
#[must_use]
pub(crate) struct Command {
    machine: String,
    namespace: u32,
    captures: PathBuf,
    argv: Vec<String>,
    environment: BTreeMap<String, String>,
    folder: String,
    user: Option<String>,
    input: Input,
    terminal: bool,
    log: Option<File>,
    limit: Duration,
}

impl Command {
    #[track_caller]
    pub(crate) fn new(machine: &Machine) -> Self {
        let environment = [
            ("PATH", machine.path()),
            ("HOME", "/root"),
            ("USER", "root"),
            ("LANG", "C.UTF-8"),
            ("TERM", "dumb"),
            ("COLUMNS", "100"),
            ("XDG_RUNTIME_DIR", "/run/user/0"),
        ];
        Self {
            machine: machine.name().to_owned(),
            namespace: machine.namespace(),
            captures: machine.captures(),
            argv: Vec::new(),
            environment: environment
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            folder: "/root".to_owned(),
            user: None,
            input: Input::Nothing,
            terminal: false,
            log: None,
            limit: DEFAULT_LIMIT,
        }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<str>) -> Self {
        self.argv.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<Argument: AsRef<str>>(
        self,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Sets the working folder, inside the machine.
    pub(crate) fn directory(mut self, folder: &str) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Runs it as this user of the machine, in the user's home.
    pub(crate) fn user(mut self, user: &str) -> Self {
        let home = format!("/home/{user}");
        self.user = Some(user.to_owned());
        self.directory(&home)
            .env("HOME", &home)
            .env("USER", user)
            .env_remove("XDG_RUNTIME_DIR")
    }

    /// Gives it this text to read; without, its input is empty.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.input = Input::Text(text.to_owned());
        self
    }

    /// Leaves its input open, to be written to with `Running::write`.
    pub(crate) fn interactive(mut self) -> Self {
        self.input = Input::Pipe;
        self
    }

    /// Gives it a terminal of 100 columns for input and output, both of which arrive in
    /// `stdout`. What it is given to read is typed; `\x03` is Ctrl-C.
    pub(crate) fn terminal(mut self) -> Self {
        self.terminal = true;
        self.env("TERM", "xterm-256color")
    }

    /// Lets it write its standard error into this file.
    pub(crate) fn stderr_to(mut self, file: File) -> Self {
        self.log = Some(file);
        self
    }

    /// Sets how long it may take, counted from its start.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it to its end; panics with the transcript if that takes too long.
    #[must_use]
    #[track_caller]
    pub(crate) fn run(self) -> Output {
        self.spawn().wait()
    }

    /// Starts it and returns at once. It is killed when the handle is dropped.
    #[must_use]
    #[track_caller]
    pub(crate) fn spawn(mut self) -> Running {
        let capture = Capture::new(&self.captures);
        let (stdout, stderr) = capture.writers();
        let child = process::Command::new("nsenter")
            .args(self.nsenter())
            .current_dir("/")
            .process_group(0)
            .stdin(self.stdio())
            .stdout(stdout)
            .stderr(self.log.take().unwrap_or(stderr))
            .spawn()
            .expect("starting nsenter");
        Running::new(child, self.title(), self.limit, capture)
    }

    /// A session of its own inside the machine: signals meant for the command and all it
    /// starts do not reach nsenter, which has to pass the exit code on. Nor do signals meant
    /// for the tests, as it has a group of its own: a machine ends once its processes are
    /// reaped, and these are nsenter's to reap.
    fn nsenter(&self) -> Vec<String> {
        let target = format!("--target={}", self.namespace);
        let folder = format!("--chdir={}", self.folder);
        let mut argv = vec![target];
        argv.extend(INSIDE.map(str::to_owned));
        argv.push(folder);
        let variables = self.environment.iter();
        argv.extend(variables.map(|(name, value)| format!("{name}={value}")));
        if let Some(user) = &self.user {
            let identity = [format!("--reuid={user}"), format!("--regid={user}")];
            argv.extend(["setpriv", "--init-groups"].map(str::to_owned));
            argv.extend(identity);
        }
        argv.extend(if self.terminal {
            self.in_terminal()
        } else {
            self.argv.clone()
        });
        argv
    }

    fn in_terminal(&self) -> Vec<String> {
        let line = format!("stty cols 100 rows 40; exec {}", quoted(&self.argv));
        [
            "script",
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &line,
            "/dev/null",
        ]
        .map(str::to_owned)
        .into()
    }

    fn stdio(&self) -> Stdio {
        let text = match &self.input {
            Input::Nothing => return Stdio::null(),
            Input::Pipe => return Stdio::piped(),
            Input::Text(text) => text,
        };
        let mut file = tempfile::tempfile().expect("a file for the input");
        file.write_all(text.as_bytes()).expect("writing the input");
        file.rewind().expect("rewinding the input");
        file.into()
    }

    fn title(&self) -> String {
        let user = self.user.as_deref().unwrap_or("root");
        format!(
            "{user}@{}:{}$ {}",
            self.machine,
            self.folder,
            quoted(&self.argv)
        )
    }
}

/// Returns the arguments as a line for a POSIX shell.
pub(crate) fn quoted(argv: &[String]) -> String {
    let quote = |argument: &String| format!("'{}'", argument.replace('\'', r"'\''"));
    argv.iter().map(quote).collect::<Vec<_>>().join(" ")
}
