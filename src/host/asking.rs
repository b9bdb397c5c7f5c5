//! Asking the operator for a passphrase or a password, one question at a time.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::MutexGuard;

use crate::model::Connection;

/// How long whoever draws on the terminal may take to step aside.
const STEP_ASIDE: Duration = Duration::from_millis(150);

/// Called before (with the destination) and after (with nothing) somebody uses the terminal.
pub type OnAsking = Box<dyn Fn(Option<&str>) + Send + Sync>;

/// The one terminal, lent to one at a time.
pub struct Asking {
    turn: tokio::sync::Mutex<()>,
    notify: OnAsking,
    needed: Mutex<BTreeSet<Connection>>,
}

impl Asking {
    /// Returns the terminal, whose other users are told by `notify`.
    pub fn new(notify: OnAsking) -> Self {
        Self {
            turn: tokio::sync::Mutex::default(),
            notify,
            needed: Mutex::default(),
        }
    }

    /// Returns whether this connection could not be made without asking.
    pub(super) fn is_needed_for(&self, connection: &Connection) -> bool {
        self.needed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(connection)
    }

    /// Runs a login that may ask, when it is its turn.
    pub(super) async fn lend<T>(
        &self,
        connection: &Connection,
        login: impl Future<Output = T>,
    ) -> T {
        let turn = self.turn().await;
        self.needed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(connection.clone());
        let destination = format!("{}@{}", connection.ssh_user, connection.hostname);
        turn.ask(&destination, login).await
    }

    /// Waits until nobody else may ask.
    pub(super) async fn turn(&self) -> Turn<'_> {
        Turn {
            notify: &self.notify,
            _held: self.turn.lock().await,
        }
    }
}

/// The right to ask, until it is dropped.
pub(super) struct Turn<'a> {
    notify: &'a OnAsking,
    _held: MutexGuard<'a, ()>,
}

impl Turn<'_> {
    /// Runs a question, for which whoever draws on the terminal steps aside.
    pub(super) async fn ask<T>(&self, destination: &str, question: impl Future<Output = T>) -> T {
        (self.notify)(Some(destination));
        tokio::time::sleep(STEP_ASIDE).await;
        let result = question.await;
        (self.notify)(None);
        result
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Asking").finish_non_exhaustive()
    }
}
