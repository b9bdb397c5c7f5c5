//! Signals of the operator, as messages.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::error::CliError;

/// Returns a message for each Ctrl-C, for SIGTERM, and for the end of the terminal.
pub(super) fn interrupts() -> UnboundedReceiver<()> {
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
pub(super) async fn interruptible<T, E: Into<CliError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, CliError> {
    let mut interrupts = interrupts();
    tokio::select! {
        result = work => result.map_err(Into::into),
        Some(()) = interrupts.recv() => Err(CliError::Interrupted),
    }
}
