//! Signals of the operator, as messages.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use super::error::CliError;
use crate::apply::Interrupts;

/// How long a failure may be ahead of the interrupt that it comes from.
const MOMENT: Duration = Duration::from_millis(50);

/// Returns a message for each Ctrl-C, for SIGTERM, and for the end of the terminal.
pub(super) fn interrupts() -> Interrupts {
    let (sender, receiver) = unbounded_channel();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        // Without a handler the signal ends the process, as it does everywhere.
        let Ok(mut signals) = signal(kind) else {
            continue;
        };
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if sender.send(()).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

/// Runs something that changes nothing until it ends or the operator interrupts it.
///
/// A command has one receiver from beginning to end, so that no interrupt falls between two.
pub(super) async fn interruptible<T, E: Into<CliError>>(
    interrupts: &mut Interrupts,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, CliError> {
    let error = tokio::select! {
        result = work => match result {
            Ok(value) => return Ok(value),
            Err(error) => error.into(),
        },
        Some(()) = interrupts.recv() => return Err(CliError::Interrupted),
    };
    // A child that was just being started may have met the interrupt before it is heard of here.
    match timeout(MOMENT, interrupts.recv()).await {
        Ok(Some(())) => Err(CliError::Interrupted),
        _ => Err(error),
    }
}
