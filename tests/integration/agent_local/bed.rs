//! A throwaway profile, closures for it, and the agent's executable.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

use deploy::model::{
    AbsolutePath, Generation, OnDegraded, Operator, ProfileState, RunId, StorePath,
};
use deploy::protocol::{
    ActivationRequest, ActivationResult, AgentCommand, AgentMessage, ConfirmReply, Journal,
    PROTOCOL_VERSION, Phase, Reading, parse_line,
};

const CLOSURE: &str = r#"
    { name, file, script }: derivation {
      inherit name file script;
      system = builtins.currentSystem;
      builder = "/bin/sh";
      args = [ "-c" "export PATH=/bin:/usr/bin; mkdir -p $out/bin; printf %s \"$script\" > $out/$file; chmod 555 $out/$file" ];
    }
"#;

/// The agent under test: `DEPLOY_TEST_AGENT` names one that was built otherwise.
pub(crate) fn agent_program() -> &'static str {
    static AGENT: OnceLock<String> = OnceLock::new();
    let built = || env!("CARGO_BIN_EXE_activate").to_owned();
    AGENT.get_or_init(|| std::env::var("DEPLOY_TEST_AGENT").unwrap_or_else(|_| built()))
}

/// A profile of its own in a temporary folder.
pub(crate) struct Bed {
    root: tempfile::TempDir,
    /// The profile link.
    pub(crate) profile: AbsolutePath,
    /// Folders of the bed that the agent sees in the place of the machine's own.
    pub(crate) places: Vec<(&'static str, &'static str)>,
}

/// A call of the agent with its messages as far as they were read.
pub(crate) struct Call {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    /// What it has answered.
    pub(crate) messages: Vec<AgentMessage>,
}

/// What is outside of the agent: link text, generations, what was activated last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct World {
    /// The text of the profile link.
    pub(crate) link: Option<String>,
    /// Names and texts of the generation links.
    pub(crate) generations: Vec<(String, String)>,
    /// What the last activation wrote.
    pub(crate) active: Option<String>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let profile = format!("{}/profiles/app", root.path().display());
        let bed = Self {
            root,
            profile: profile.parse().unwrap(),
            places: Vec::new(),
        };
        bed.make_store();
        bed
    }

    /// Several calls of Nix at once would get into each other's way making a new store.
    fn make_store(&self) {
        static MADE: Once = Once::new();
        MADE.call_once(|| {
            let status = self.nix("nix-store").arg("--init").status();
            assert!(status.unwrap().success(), "making the store");
        });
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn state_folder(&self) -> PathBuf {
        self.path("profiles/.deploy/app")
    }

    /// A closure whose activation says that it is active and then runs `script`.
    pub(crate) fn closure(&self, name: &str, script: &str) -> StorePath {
        self.closure_with("deploy-rs-activate", name, script)
    }

    /// The same with another activation program.
    pub(crate) fn closure_with(&self, file: &str, name: &str, script: &str) -> StorePath {
        let script = format!(
            "#!/bin/sh\nexport PATH=/bin:/usr/bin\ncd {0}\necho activating {name}\n\
             echo {name} >> history\necho {name} > active\n{script}\n",
            self.root.path().display()
        );
        self.derivation(file, name, &script)
    }

    /// A closure with exactly this file.
    pub(crate) fn derivation(&self, file: &str, name: &str, script: &str) -> StorePath {
        let texts = [("name", name), ("file", file), ("script", script)];
        self.build(CLOSURE, &texts)
    }

    /// Builds an expression that takes these texts.
    pub(crate) fn build(&self, expression: &str, texts: &[(&str, &str)]) -> StorePath {
        let mut command = self.nix("nix-build");
        command.args(["--no-out-link", "-E", expression]);
        for (name, text) in texts {
            command.args(["--argstr", name, text]);
        }
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }

    pub(crate) fn nix(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env(
                "NIX_CONFIG",
                "substituters =\nsandbox = false\nbuild-users-group =",
            )
            .env("HOME", self.root.path());
        command
    }

    /// Makes a generation as a person would.
    pub(crate) fn set_by_hand(&self, target: &StorePath) {
        fs::create_dir_all(self.path("profiles")).unwrap();
        self.nix_env(&["--set", target.as_str()]);
    }

    pub(crate) fn nix_env(&self, arguments: &[&str]) {
        let status = self
            .nix("nix-env")
            .args(["--profile", self.profile.as_str()])
            .args(arguments)
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());
    }

    pub(crate) fn link_by_hand(&self, text: &str) {
        fs::create_dir_all(self.path("profiles")).unwrap();
        symlink(text, self.profile.as_str()).unwrap();
    }

    pub(crate) fn world(&self) -> World {
        let text = |path: &Path| path.read_link().ok().map(|text| text.display().to_string());
        let entries = fs::read_dir(self.path("profiles"));
        let mut generations: Vec<_> = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_name() != "app" && entry.file_name() != ".deploy")
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, text(&entry.path()).unwrap_or_default())
            })
            .collect();
        generations.sort();
        World {
            link: text(Path::new(self.profile.as_str())),
            generations,
            active: self.active(),
        }
    }

    pub(crate) fn active(&self) -> Option<String> {
        let text = fs::read_to_string(self.path("active")).ok()?;
        Some(text.trim().to_owned())
    }

    pub(crate) fn history(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("history")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A request that expects what is there, without magic rollback.
    pub(crate) fn request(&self, target: &StorePath) -> ActivationRequest {
        ActivationRequest {
            protocol: PROTOCOL_VERSION,
            run: new_run(),
            operator: Operator {
                user: "tester".into(),
                host: "here".into(),
            },
            profile_path: self.profile.clone(),
            expected: self.read(),
            target: target.clone(),
            generation: None,
            reactivate: false,
            next_boot: false,
            auto_rollback: true,
            magic_rollback: false,
            on_degraded: OnDegraded::Rollback,
            temp_path: None,
            activation_timeout: None,
            confirm_timeout: 30,
            lock_timeout: 0,
        }
    }

    /// The same with magic rollback.
    pub(crate) fn magic(&self, target: &StorePath, confirm_timeout: u64) -> ActivationRequest {
        ActivationRequest {
            magic_rollback: true,
            confirm_timeout,
            ..self.request(target)
        }
    }

    pub(crate) fn agent(&self, command: &AgentCommand) -> Command {
        self.agent_with(&command.arguments())
    }

    pub(crate) fn agent_with(&self, arguments: &[String]) -> Command {
        let mut agent = match self.places.as_slice() {
            [] => self.nix(agent_program()),
            places => {
                let bind = |(own, place): &(&str, &str)| {
                    let own = self.path(own);
                    format!("mount --bind '{}' '{place}' && ", own.display())
                };
                let script: String = places.iter().map(bind).collect();
                let mut command = self.nix("unshare");
                command
                    .args(["--mount", "--propagation=private", "sh", "-c"])
                    .arg(script + "exec \"$0\" \"$@\"")
                    .arg(agent_program());
                command
            }
        };
        agent.args(arguments);
        agent
    }

    pub(crate) fn answer(&self, command: &AgentCommand) -> String {
        let output = self.agent(command).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn read(&self) -> ProfileState {
        let profile_paths = vec![self.profile.clone()];
        let answer = self.answer(&AgentCommand::Read { profile_paths });
        parse_line::<Reading>(answer.trim()).unwrap().state
    }

    pub(crate) fn start(&self, request: &ActivationRequest) -> Call {
        self.start_with_faults(request, "")
    }

    pub(crate) fn start_with_faults(&self, request: &ActivationRequest, faults: &str) -> Call {
        let command = AgentCommand::Start(Box::new(request.clone()));
        Call::begin(self.agent(&command).env("DEPLOY_AGENT_FAULT", faults))
    }

    /// Starts, confirms where that is awaited, and returns the result.
    pub(crate) fn deploy(&self, request: &ActivationRequest) -> ActivationResult {
        let mut call = self.start(request);
        if request.magic_rollback && call.wait_for_waiting() {
            assert_eq!(self.confirm(&request.run), ConfirmReply::Confirmed);
        }
        call.result()
    }

    pub(crate) fn attach(&self, run: &RunId) -> Call {
        Call::begin(&mut self.agent(&AgentCommand::Attach {
            run: run.clone(),
            profile_path: self.profile.clone(),
        }))
    }

    pub(crate) fn revoke(&self, run: &RunId) -> ActivationResult {
        let command = AgentCommand::Revoke {
            run: run.clone(),
            profile_path: self.profile.clone(),
        };
        Call::begin(&mut self.agent(&command)).result()
    }

    pub(crate) fn recover(&self, run: &RunId) -> Call {
        let command = AgentCommand::Recover {
            run: run.clone(),
            profile_path: self.profile.clone(),
        };
        Call::begin(&mut self.agent(&command))
    }

    pub(crate) fn confirm(&self, run: &RunId) -> ConfirmReply {
        let command = AgentCommand::Confirm {
            run: run.clone(),
            profile_path: self.profile.clone(),
        };
        parse_line(self.answer(&command).trim()).unwrap()
    }

    pub(crate) fn journal(&self) -> Journal {
        let text = fs::read_to_string(self.state_folder().join("journal.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

impl Call {
    pub(crate) fn begin(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
        Self {
            child,
            lines,
            messages: Vec::new(),
        }
    }

    /// Reads one message; false at the end.
    pub(crate) fn step(&mut self) -> bool {
        let mut line = String::new();
        if self.lines.read_line(&mut line).unwrap() == 0 {
            self.child.wait().unwrap();
            return false;
        }
        self.messages.push(parse_line(line.trim()).unwrap());
        true
    }

    /// Reads until a message for which `is_it` holds; false where the end comes first.
    pub(crate) fn wait_for(&mut self, is_it: impl Fn(&AgentMessage) -> bool) -> bool {
        while self.step() {
            if self.messages.last().is_some_and(&is_it) {
                return true;
            }
        }
        false
    }

    pub(crate) fn wait_for_phase(&mut self, awaited: Phase) -> bool {
        self.wait_for(
            |message| matches!(message, AgentMessage::Phase { phase } if *phase == awaited),
        )
    }

    pub(crate) fn wait_for_waiting(&mut self) -> bool {
        self.wait_for(|message| matches!(message, AgentMessage::Waiting { .. }))
    }

    /// Reads to the end and returns the result, which must be last.
    pub(crate) fn result(&mut self) -> ActivationResult {
        while self.step() {}
        match self.messages.last() {
            Some(AgentMessage::Result { result }) => result.clone(),
            other => panic!("the last message is {other:?}"),
        }
    }

    pub(crate) fn output(&self) -> Vec<&str> {
        fn text(message: &AgentMessage) -> Option<&str> {
            match message {
                AgentMessage::Output { text } => Some(text),
                _ => None,
            }
        }
        self.messages.iter().filter_map(text).collect()
    }

    pub(crate) fn phases(&self) -> Vec<Phase> {
        let phase = |message: &AgentMessage| match message {
            AgentMessage::Phase { phase } => Some(*phase),
            _ => None,
        };
        self.messages.iter().filter_map(phase).collect()
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub(crate) fn new_run() -> RunId {
    let text = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
    text.trim().replace('-', "").parse().unwrap()
}

pub(crate) fn present(number: u64, path: &StorePath, highest: u64) -> ProfileState {
    ProfileState::Present {
        generation: Some(Generation(number)),
        path: Some(path.clone()),
        highest_generation: Some(Generation(highest)),
    }
}

pub(crate) fn done(state: ProfileState) -> ActivationResult {
    ActivationResult::Done { state }
}

/// Panics unless everything was taken back.
#[track_caller]
pub(crate) fn is_taken_back(result: &ActivationResult) {
    let is_back = matches!(result, ActivationResult::RolledBack { .. });
    assert!(is_back, "{result:?}");
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(15), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
