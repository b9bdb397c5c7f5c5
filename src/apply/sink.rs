//! Where facts go: to whoever reports them, in the order in which they happened.

use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::event::{Event, TimedEvent};

/// Sends facts, each with its time.
#[derive(Debug, Clone)]
pub struct EventSink {
    start: Instant,
    sender: UnboundedSender<TimedEvent>,
}

impl EventSink {
    /// Returns a sink whose times count from `start`.
    pub fn new(start: Instant, sender: UnboundedSender<TimedEvent>) -> Self {
        Self { start, sender }
    }

    /// Reports a fact. Where nobody listens any more it is dropped: a run does not end for that.
    pub fn send(&self, event: Event) {
        self.sender
            .send(TimedEvent::new(self.start.elapsed(), event))
            .ok();
    }
}
