//! From the process's arguments to its exit code.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::error::ErrorKind;

use super::args::{Command, CommandLine};
use super::context::Context;
use super::error::CliError;
use super::output::print_error;
use super::trace_file::TraceFile;
use super::{apply, bare, check, plan, rollback, show, status};

const BAD_COMMAND_LINE: u8 = 64;

/// Runs `deploy` and returns its exit code, as the README's table has it.
pub fn main() -> ExitCode {
    let start = Instant::now();
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            // Nobody reads standard output any more: there is nothing left to be said.
            error.print().ok();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(BAD_COMMAND_LINE),
            };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(source) => {
            let error = CliError::io("could not start", "the runtime", source);
            print_error(&error, None);
            return ExitCode::from(error.exit_code());
        }
    };
    let code = runtime.block_on(run(line, start));
    // A remote command that was abandoned must not delay the end.
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn run(line: CommandLine, start: Instant) -> u8 {
    match prepare(&line, start).await {
        Ok((context, trace)) => {
            let code = Box::pin(carry_out(line, &context)).await;
            // What was done counts, not whether it could be drawn.
            if let Some(Err(error)) = trace.map(|trace| trace.write(start)) {
                print_error(&error, Some(&context));
            }
            code
        }
        Err(error) => {
            print_error(&error, None);
            error.exit_code()
        }
    }
}

async fn prepare(
    line: &CommandLine,
    start: Instant,
) -> Result<(Context, Option<TraceFile>), CliError> {
    let display = line.display();
    let trace = display.and_then(|display| display.trace.as_deref());
    let trace = trace.map(TraceFile::create).transpose()?;
    let mut context = Context::read(start).await?;
    if let Some(logins) = display.and_then(|display| display.parallel) {
        context.logins = logins;
    }
    context.trace = trace.as_ref().map(TraceFile::events);
    Ok((context, trace))
}

async fn carry_out(line: CommandLine, context: &Context) -> u8 {
    let result = match line.command {
        None => Box::pin(bare::run(context, line.bare)).await,
        Some(Command::Plan(args)) => plan::run(context, args).await,
        Some(Command::Apply(args)) => Box::pin(apply::run(context, args)).await,
        Some(Command::Rollback(args)) => Box::pin(rollback::run(context, args)).await,
        Some(Command::Status(args)) => status::run(context, args).await,
        Some(Command::Check(args)) => check::run(context, args).await,
        Some(Command::Show(args)) => show::run(context, &args),
    };
    result.unwrap_or_else(|error| {
        print_error(&error, Some(context));
        error.exit_code()
    })
}
