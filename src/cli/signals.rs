//! Signals of the operator, as messages.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

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
