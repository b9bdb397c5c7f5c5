//! The entry: the only place of the agent that sees the process's own variables and streams.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use super::args::{Arguments, Command};
use super::confirm::confirm;
use super::deploy_rs;
use super::dry_run::dry_run;
use super::environment::Environment;
use super::error::AgentError;
use super::hold::{hold, release};
use super::listener::JsonLines;
use super::reading::read;
use super::recover_node::{recover_folder, recover_node};
use super::supervise::supervise;
use super::system::running_executable;
use super::{fault, gate, start};
use crate::protocol::{Handshake, PROTOCOL_VERSION, to_line};

/// What a wrong command line gives.
const USAGE: u8 = 64;

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    DeployRs(#[from] deploy_rs::CallError),
    #[error("cannot answer: {0}")]
    Output(#[from] io::Error),
}

impl Failure {
    /// Whoever asked has gone. What was begun goes on.
    fn is_unheard(&self) -> bool {
        match self {
            Self::Agent(_) => false,
            Self::DeployRs(error) => error.is_unheard(),
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
        }
    }
}

/// What the words of the command line ask for.
enum Request {
    Own(Command),
    DeployRs(deploy_rs::Arguments),
}

fn parse(words: Vec<OsString>) -> Result<Request, clap::Error> {
    if deploy_rs::is_meant(&words) {
        return deploy_rs::Arguments::try_parse_from(words).map(Request::DeployRs);
    }
    Ok(Request::Own(Arguments::try_parse_from(words)?.command))
}

/// Runs the agent with the arguments of this process.
pub fn main() -> ExitCode {
    let request = match parse(std::env::args_os().collect()) {
        Ok(request) => request,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            error.print().ok();
            return ExitCode::from(code);
        }
    };
    match run(request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_unheard() => ExitCode::SUCCESS,
        Err(failure) => {
            writeln!(io::stderr(), "activate: {failure}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run(request: Request) -> Result<(), Failure> {
    if let Request::Own(Command::Gate { command }) = &request {
        if let Some((program, arguments)) = command.split_first() {
            gate::become_program(program, arguments)?;
        }
        return Ok(());
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(dispatch(request))
}

async fn dispatch(request: Request) -> Result<(), Failure> {
    let variables = std::env::vars_os().collect();
    let running = || running_executable().map(Path::to_owned);
    let executable = std::env::current_exe().ok().or_else(running);
    let executable = executable.unwrap_or_else(|| "activate".into());
    let environment = Environment::new(variables, executable).await;
    if let Some(faults) = environment.get(fault::VARIABLE) {
        fault::arm(&faults.to_string_lossy());
    }
    match request {
        Request::Own(command) => answer(command, environment).await,
        Request::DeployRs(arguments) => Ok(deploy_rs::carry_out(arguments, &environment).await?),
    }
}

async fn answer(command: Command, environment: Environment) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match command {
        Command::Handshake => writeln!(output, "{}", to_line(&handshake()))?,
        Command::Hold { run, paths } => {
            let answer = hold(&environment, &run, &paths).await?;
            writeln!(output, "{}", to_line(&answer))?;
        }
        Command::Release { run } => release(&environment, &run)?,
        Command::Read { profile_paths } => {
            for path in &profile_paths {
                writeln!(output, "{}", to_line(&read(path)))?;
            }
        }
        Command::DryRun { target, time_limit } => {
            let tell = |message: &_| writeln!(output, "{}", to_line(message));
            dry_run(&environment, &target, time_limit, tell).await?;
        }
        Command::Start { request } => {
            start::start(&environment, &request, &mut JsonLines::new(output)).await?;
        }
        Command::Attach { run, profile_path } => {
            start::attach(&run, &profile_path, &mut JsonLines::new(output)).await?;
        }
        Command::Confirm { run, profile_path } => {
            writeln!(output, "{}", to_line(&confirm(&run, &profile_path).await))?;
        }
        Command::Revoke { run, profile_path } => {
            start::revoke(&environment, run, profile_path, &mut JsonLines::new(output)).await?;
        }
        Command::Recover {
            run: Some(run),
            profile_path: Some(profile_path),
            ..
        } => start::recover(&environment, run, profile_path, &mut JsonLines::new(output)).await?,
        Command::Recover { early, .. } => recover_node(&environment, early, output).await?,
        Command::RecoverFolder { early, folder } => {
            recover_folder(&environment, &folder, early, output).await?;
        }
        Command::Supervise { job } => {
            let job =
                serde_json::from_str(&job).map_err(|source| AgentError::Request { source })?;
            drop(output);
            supervise(environment, &job).await?;
        }
        Command::Gate { .. } => {}
    }
    Ok(())
}

fn handshake() -> Handshake {
    Handshake {
        protocol: PROTOCOL_VERSION,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
