//! What the process was given: environment, terminal, user. Nothing below `cli` reads these.

use std::io::{IsTerminal, Read};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::error::CliError;
use crate::apply::{Agents, Event, EventSink};
use crate::host::{Asking, ConnectionPool};
use crate::model::{Operator, RunId, UserName};
use crate::planner::PlannerContext;
use crate::process::{Invocation, run};
use crate::report::{Surroundings, Trace};

/// The control sockets below it get about 20 bytes more, and may have 107.
const SOCKET_FOLDER_MAX: usize = 60;

const LOGINS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// What the process was given.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) start: Instant,
    pub(super) login: UserName,
    pub(super) operator: Operator,
    pub(super) state_folder: PathBuf,
    pub(super) socket_folder: PathBuf,
    pub(super) agent_candidates: Vec<String>,
    /// The secret key that what is copied is signed with, by deploy-rs's name.
    pub(super) local_key: Option<PathBuf>,
    /// The agent beside this executable, and the system that it is for.
    pub(super) own_agent: Option<(String, String)>,
    pub(super) surroundings: Surroundings,
    pub(super) stdin_is_terminal: bool,
    pub(super) stdout_is_terminal: bool,
    pub(super) columns: Option<usize>,
    /// How many logins are made at the same time.
    pub(super) logins: NonZeroUsize,
    /// Where facts go at the moment: connections outlive the reporting of a single phase.
    pub(super) current_sink: Arc<Mutex<Option<EventSink>>>,
    /// What a trace is made of, where one is wanted.
    pub(super) trace: Option<Arc<Mutex<Trace>>>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Context {
    /// Reads everything once.
    pub(super) async fn read(start: Instant) -> Result<Self, CliError> {
        let login = login().await?;
        let uname = rustix::system::uname();
        let host = uname.nodename().to_string_lossy().into_owned();
        let home = variable("HOME").unwrap_or_else(|| "/".to_owned());
        let state = variable("XDG_STATE_HOME").unwrap_or_else(|| format!("{home}/.local/state"));
        Ok(Self {
            start,
            operator: Operator {
                user: login.to_string(),
                host,
            },
            login,
            state_folder: PathBuf::from(state).join("deploy"),
            socket_folder: socket_folder(),
            agent_candidates: agent_candidates(),
            local_key: variable("LOCAL_KEY").map(PathBuf::from),
            own_agent: own_agent(),
            surroundings: Surroundings {
                terminal: std::io::stderr().is_terminal(),
                ci: variable("CI").is_some(),
                dumb: variable("TERM").is_none_or(|term| term == "dumb"),
                no_color: variable("NO_COLOR").is_some(),
            },
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            columns: variable("COLUMNS").and_then(|columns| columns.parse().ok()),
            logins: LOGINS_AT_ONCE,
            current_sink: Arc::default(),
            trace: None,
        })
    }

    /// Returns what planning needs, with connections of their own.
    pub(super) fn planner(&self, sink: EventSink) -> Result<PlannerContext, CliError> {
        Ok(PlannerContext {
            logins: self.logins,
            builds: None,
            pool: Arc::new(ConnectionPool::new(
                self.socket_folder.clone(),
                self.asking(),
                &random_id()?,
            )),
            agents: Arc::new(Agents::new(
                self.agent_candidates.clone(),
                self.own_agent.clone(),
            )),
            system: own_system(),
            login: self.login.clone(),
            mark: random_id()?,
            sink,
        })
    }

    /// Returns whether somebody could answer a question.
    pub(super) fn somebody_is_there(&self) -> bool {
        self.stdin_is_terminal && self.surroundings.terminal && !self.surroundings.ci
    }

    /// Returns the terminal on which the operator may be asked, where there is one.
    fn asking(&self) -> Option<Asking> {
        let current_sink = Arc::clone(&self.current_sink);
        self.somebody_is_there().then(|| {
            Asking::new(Box::new(move |destination| {
                let sink = current_sink
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                let Some(sink) = sink else { return };
                sink.send(match destination {
                    Some(destination) => Event::AskingStarted {
                        destination: destination.to_owned(),
                    },
                    None => Event::AskingFinished,
                });
            }))
        })
    }

    /// Returns the width for text on standard output.
    pub(super) fn width(&self) -> usize {
        const WITHOUT_TERMINAL: usize = 100;
        self.columns
            .or_else(terminal_width)
            .unwrap_or(WITHOUT_TERMINAL)
    }
}

/// Returns the width of the terminal that standard error or output is.
pub(super) fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr())
        .or_else(|_| rustix::termios::tcgetwinsize(std::io::stdout()))
        .ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Returns a random id.
pub(super) fn random_id() -> Result<RunId, CliError> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|source| CliError::io("could not read random bytes", "/dev/urandom", source))?;
    Ok(RunId::from_bytes(bytes))
}

async fn login() -> Result<UserName, CliError> {
    let output = run(&Invocation::new("id").arg("-un")).await;
    let name = match output {
        Ok(finished) => String::from_utf8_lossy(&finished.stdout).trim().to_owned(),
        Err(_) => String::new(),
    };
    let name = if name.is_empty() {
        variable("USER").unwrap_or_default()
    } else {
        name
    };
    name.parse()
        .map_err(|_| CliError::usage("your login name is not known", "set USER"))
}

fn socket_folder() -> PathBuf {
    let runtime = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let is_usable =
        |folder: &PathBuf| folder.as_os_str().len() <= SOCKET_FOLDER_MAX && folder.is_dir();
    runtime
        .filter(is_usable)
        .unwrap_or_else(|| PathBuf::from("/tmp"))
}

/// Returns where agents may lie, best first; `{system}` stands for the node's system.
fn agent_candidates() -> Vec<String> {
    let mut candidates = Vec::new();
    if let Some(folder) = variable("DEPLOY_AGENTS") {
        candidates.push(format!("{folder}/{{system}}/activate"));
    }
    if let Some(folder) = own_folder() {
        let folder = folder.display();
        candidates.push(format!("{folder}/../libexec/deploy/{{system}}/activate"));
    }
    candidates
}

fn own_agent() -> Option<(String, String)> {
    let agent = own_folder()?.join("activate");
    Some((own_system(), agent.display().to_string()))
}

fn own_folder() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    own.parent().map(ToOwned::to_owned)
}

fn own_system() -> String {
    format!(
        "{}-{}",
        std::env::consts::ARCH,
        std::env::consts::OS.replace("macos", "darwin")
    )
}
