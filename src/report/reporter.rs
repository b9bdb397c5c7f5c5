//! The one direction in which facts leave the engine.

use std::sync::{Arc, Mutex, PoisonError};

use crate::apply::TimedEvent;

/// Consumes facts. It cannot fail or answer: nobody who listens may steer a run.
pub trait Reporter: Send {
    /// Takes note of `event`.
    fn report(&mut self, event: &TimedEvent);

    /// Ends the reporting: what is drawn is cleared, what is buffered is written.
    fn finish(&mut self);
}

/// Several reporters that hear the same, in the order in which they were added.
#[derive(Default)]
pub struct Reporters {
    members: Vec<Box<dyn Reporter>>,
}

impl Reporters {
    /// Returns a fan-out without members, which reports to nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a reporter.
    pub fn add(&mut self, reporter: impl Reporter + 'static) {
        self.members.push(Box::new(reporter));
    }
}

impl Reporter for Reporters {
    fn report(&mut self, event: &TimedEvent) {
        for member in &mut self.members {
            member.report(event);
        }
    }

    fn finish(&mut self) {
        for member in &mut self.members {
            member.finish();
        }
    }
}

/// A shared reporter: for one that is asked for something when the run has ended.
impl<R: Reporter> Reporter for Arc<Mutex<R>> {
    fn report(&mut self, event: &TimedEvent) {
        let mut reporter = self.lock().unwrap_or_else(PoisonError::into_inner);
        reporter.report(event);
    }

    fn finish(&mut self) {
        let mut reporter = self.lock().unwrap_or_else(PoisonError::into_inner);
        reporter.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::Event;

    #[derive(Default)]
    struct Counter {
        reported: usize,
        finished: usize,
    }

    impl Reporter for Counter {
        fn report(&mut self, _: &TimedEvent) {
            self.reported += 1;
        }

        fn finish(&mut self) {
            self.finished += 1;
        }
    }

    #[test]
    fn every_member_hears_everything() {
        let counters = [(); 2].map(|()| Arc::new(Mutex::new(Counter::default())));
        let mut reporters = Reporters::new();
        for counter in &counters {
            reporters.add(Arc::clone(counter));
        }
        let event = Event::RunFinished { exit_code: 0 };
        reporters.report(&TimedEvent { at: 1, event });
        reporters.finish();
        for counter in counters {
            let counter = counter.lock().unwrap();
            assert_eq!((counter.reported, counter.finished), (1, 1));
        }
    }
}
