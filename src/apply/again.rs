//! Work on a node that is done again over a new connection when its connection is lost.

use super::event::Event;
use super::sink::EventSink;
use crate::host::{HostError, Search};
use crate::model::NodeName;

/// The tries of work that does no harm when it is done again, on a node that was there before.
#[derive(Debug)]
pub(super) struct Again<'a> {
    sink: &'a EventSink,
    node: Option<&'a NodeName>,
    search: Search,
}

impl<'a> Again<'a> {
    /// Returns the tries, of which none has failed yet.
    pub(super) fn new(sink: &'a EventSink, node: Option<&'a NodeName>) -> Self {
        Self {
            sink,
            node,
            search: Search::new(true),
        }
    }

    /// Takes in that a try has failed, and says so where a connection was lost. Returns whether
    /// another one is worth it, after a pause; `doing` is what that does.
    pub(super) async fn is_worth_it(&mut self, error: &HostError, doing: &str) -> bool {
        if error.is_lost() {
            self.sink.send(Event::Noted {
                node: self.node.cloned(),
                message: format!("{error}; {doing} over a new connection"),
            });
        }
        self.search.goes_on(error.kind()).await
    }
}
