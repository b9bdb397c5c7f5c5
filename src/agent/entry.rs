//! The entry: the only place of the agent that sees the process's own variables and streams.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use super::args::{Arguments, Command};
use super::confirm::confirm;
use super::environment::Environment;
use super::error::AgentError;
use super::hold::{hold, release};
use super::profile::read_state;
use super::recover_node::{recover_folder, recover_node};
use super::supervise::supervise;
use super::{fault, gate, start};
use crate::protocol::{Handshake, PROTOCOL_VERSION, to_line};

/// What a wrong command line gives.
const USAGE: u8 = 64;

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error("cannot answer: {0}")]
    Output(#[from] io::Error),
}

/// Runs the agent with the arguments of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            error.print().ok();
            return ExitCode::from(code);
        }
    };
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever asked has gone. What was begun goes on.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            writeln!(io::stderr(), "activate: {failure}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    if let Command::Gate { command } = &command {
        if let Some((program, arguments)) = command.split_first() {
            gate::become_program(program, arguments)?;
        }
        return Ok(());
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(dispatch(command))
}

async fn dispatch(command: Command) -> Result<(), Failure> {
    let variables = std::env::vars_os().collect();
    let executable = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
    let environment = Environment::new(variables, executable).await;
    if let Some(faults) = environment.get(fault::VARIABLE) {
        fault::arm(&faults.to_string_lossy());
    }
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
                writeln!(output, "{}", to_line(&read_state(path)))?;
            }
        }
        Command::Start { request } => start::start(&environment, &request, output).await?,
        Command::Attach { run, profile_path } => start::attach(&run, &profile_path, output).await?,
        Command::Confirm { run, profile_path } => {
            writeln!(output, "{}", to_line(&confirm(&run, &profile_path).await))?;
        }
        Command::Revoke { run, profile_path } => {
            start::revoke(&environment, run, profile_path, output).await?;
        }
        Command::Recover {
            run: Some(run),
            profile_path: Some(profile_path),
            ..
        } => start::recover(&environment, run, profile_path, output).await?,
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
