//! The question before anything is changed.

use std::io::Write;

use super::context::Context;
use super::error::CliError;
use super::signals::interruptible;
use crate::apply::{Exit, Interrupts};

/// Refuses at once where nobody could answer.
pub(super) fn check_answerable(context: &Context, yes: bool) -> Result<(), CliError> {
    if yes || context.stdin_is_terminal {
        return Ok(());
    }
    Err(CliError::refused(
        Exit::Failed,
        "there is no terminal to ask on, so nothing was changed",
        "give --yes, or review a plan (`deploy plan --out plan.json`) and apply that (`deploy apply plan.json`)",
    ))
}

/// Asks whether to go on. An interrupt is an answer, too.
pub(super) async fn ask(interrupts: &mut Interrupts, question: &str) -> Result<(), CliError> {
    let question = question.to_owned();
    let answered = tokio::task::spawn_blocking(move || ask_and_wait(&question));
    let answer = async { answered.await.unwrap_or(Err(CliError::Interrupted)) };
    interruptible(interrupts, answer).await
}

fn ask_and_wait(question: &str) -> Result<(), CliError> {
    let mut stderr = std::io::stderr();
    // Where the question cannot be written, the answer decides all the same.
    write!(stderr, "\n{question} [y/N] ")
        .and_then(|()| stderr.flush())
        .ok();
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|source| CliError::io("could not read the answer", "standard input", source))?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(CliError::refused(
        Exit::Failed,
        "not applied; nothing was changed",
        "answer y to apply a plan",
    ))
}
