//! A machine: booting it, letting it crash, running commands in it, and reading its state
//! from outside. Operators and hosts are machines; what only they can do is in their files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::command::Command;
use super::keeper::Keeper;
use super::output::Output;
use super::running::Running;

const POLL: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(30);

/// One set of namespaces with a folder of its own that outlives them.
pub(crate) struct Machine {
    name: String,
    folder: PathBuf,
    path: String,
    keeper: Arc<Keeper>,
}

impl Machine {
    /// Describes a machine whose settings are in place; it is not booted yet.
    pub(crate) fn new(keeper: &Arc<Keeper>, name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            folder: keeper.bed().join(name),
            path: path.to_owned(),
            keeper: Arc::clone(keeper),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the search path of commands that run in it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the folder for what commands write.
    pub(super) fn captures(&self) -> PathBuf {
        self.keeper.bed().to_owned()
    }

    /// Returns the folder outside that holds what survives a reboot: the store is `nix` in it,
    /// root's home `superuser`, /etc and /var are below `upper`.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Boots the machine, the first time or after a crash, and returns when its daemons serve.
    #[track_caller]
    pub(crate) fn boot(&self) {
        assert!(!self.is_up(), "{} is up already", self.name);
        drop(fs::remove_file(self.folder.join("ready")));
        self.keeper.boot(&self.name);
        let started = Instant::now();
        while !self.folder.join("ready").exists() {
            assert!(
                started.elapsed() < PATIENCE && !self.has_failed(),
                "{}",
                self.boot_failure()
            );
            thread::sleep(POLL);
        }
    }

    /// Ends everything in the machine at once, as a cut cable does. What was written stays.
    #[track_caller]
    pub(crate) fn crash(&self) {
        let namespace = self.namespace();
        kill(namespace);
        let started = Instant::now();
        while process_exists(namespace) {
            assert!(started.elapsed() < PATIENCE, "{} does not die", self.name);
            thread::sleep(POLL);
        }
        fs::remove_file(self.folder.join("pid")).expect("forgetting the dead machine's number");
    }

    pub(crate) fn is_up(&self) -> bool {
        self.first_process().is_some_and(process_exists)
    }

    /// Prepares a command for the settings that `run` and `spawn` do not take.
    #[track_caller]
    pub(crate) fn command<Argument: AsRef<str>>(
        &self,
        argv: impl IntoIterator<Item = Argument>,
    ) -> Command {
        Command::new(self).args(argv)
    }

    /// Runs a command as root in root's home; panics with the transcript after two minutes.
    #[must_use]
    #[track_caller]
    pub(crate) fn run<Argument: AsRef<str>>(
        &self,
        argv: impl IntoIterator<Item = Argument>,
    ) -> Output {
        self.command(argv).run()
    }

    /// Starts a command and returns at once.
    #[must_use]
    #[track_caller]
    pub(crate) fn spawn<Argument: AsRef<str>>(
        &self,
        argv: impl IntoIterator<Item = Argument>,
    ) -> Running {
        self.command(argv).spawn()
    }

    /// Runs a shell script, which sees only what is in it.
    #[must_use]
    #[track_caller]
    pub(crate) fn shell(&self, script: &str) -> Output {
        self.run(["sh", "-ec", script])
    }

    /// Waits until a shell script succeeds.
    #[track_caller]
    pub(crate) fn comes_to(&self, what: &str, script: &str) {
        let started = Instant::now();
        while self.shell(script).exit != 0 {
            assert!(
                started.elapsed() < PATIENCE,
                "{} waited for: {what}",
                self.name
            );
            thread::sleep(10 * POLL);
        }
    }

    /// Returns the contents of a file.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        self.run(["cat", "--", path]).success().stdout
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.run(["test", "-e", path]).exit == 0
    }

    /// Writes a file, and the folders above it.
    #[track_caller]
    pub(crate) fn write(&self, path: &str, text: &str) {
        self.pour("mkdir -p \"$(dirname \"$0\")\"; cat >\"$0\"", path, text);
    }

    /// Adds text to the end of a file.
    #[track_caller]
    pub(crate) fn append(&self, path: &str, text: &str) {
        self.pour("cat >>\"$0\"", path, text);
    }

    /// Returns the text of a link, or `None` if there is none.
    #[track_caller]
    pub(crate) fn link(&self, path: &str) -> Option<String> {
        let output = self.run(["readlink", "--", path]);
        (output.exit == 0).then(|| output.text().to_owned())
    }

    /// Returns where a path leads in the end (the store path of a profile), if it exists.
    #[track_caller]
    pub(crate) fn resolve(&self, path: &str) -> Option<String> {
        let output = self.run(["realpath", "-e", "--", path]);
        (output.exit == 0).then(|| output.text().to_owned())
    }

    /// Returns the numbers and store paths of a profile's generations, oldest first.
    #[track_caller]
    pub(crate) fn generations(&self, profile: &str) -> Vec<(u64, String)> {
        let script = r#"for link in "$0"-*-link; do [ ! -L "$link" ] || echo "$link $(readlink "$link")"; done"#;
        let output = self.run(["sh", "-c", script, profile]).success();
        let mut generations: Vec<_> = output
            .stdout
            .lines()
            .filter_map(|line| generation(profile, line))
            .collect();
        generations.sort_unstable();
        generations
    }

    fn pour(&self, script: &str, path: &str, text: &str) {
        self.command(["sh", "-ec", script, path])
            .stdin(text)
            .run()
            .success();
    }

    /// Returns the first process of the machine, by the number that it has out here.
    #[track_caller]
    pub(super) fn namespace(&self) -> u32 {
        match self.first_process() {
            Some(number) if process_exists(number) => number,
            _ => panic!("{} is down", self.name),
        }
    }

    fn first_process(&self) -> Option<u32> {
        let text = fs::read_to_string(self.folder.join("pid")).ok()?;
        text.trim().parse().ok()
    }

    fn has_failed(&self) -> bool {
        self.first_process()
            .is_some_and(|number| !process_exists(number))
    }

    fn boot_failure(&self) -> String {
        let log = fs::read_to_string(self.folder.join("boot.log")).unwrap_or_default();
        format!("{} does not boot:\n{log}", self.name)
    }
}

fn generation(profile: &str, line: &str) -> Option<(u64, String)> {
    let (link, target) = line.split_once(' ')?;
    let number = link
        .strip_prefix(profile)?
        .strip_prefix('-')?
        .strip_suffix("-link")?;
    Some((number.parse().ok()?, target.to_owned()))
}

fn process_exists(number: u32) -> bool {
    Path::new(&format!("/proc/{number}")).exists()
}

fn kill(number: u32) {
    let status = process::Command::new("kill")
        .args(["-KILL", &number.to_string()])
        .status()
        .expect("running kill");
    assert!(status.success(), "killing process {number}");
}
