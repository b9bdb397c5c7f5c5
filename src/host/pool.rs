//! One connection per distinct (user, host, options), opened when it is first needed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Connection;
use crate::ssh::{SshError, SshLink};

/// The connections of a run.
#[derive(Debug)]
pub struct ConnectionPool {
    folder: PathBuf,
    may_ask: bool,
    slots: Mutex<BTreeMap<Connection, Slot>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Arc<SshLink>>>>;

impl ConnectionPool {
    /// Returns a pool whose control sockets lie below `folder`. With `may_ask`, ssh may ask the
    /// operator for a passphrase on the terminal.
    pub fn new(folder: PathBuf, may_ask: bool) -> Self {
        Self {
            folder,
            may_ask,
            slots: Mutex::default(),
        }
    }

    /// Returns the connection, and logs in where there is none or where it was lost.
    pub async fn link(&self, connection: &Connection) -> Result<Arc<SshLink>, SshError> {
        let slot = self.slot(connection);
        let mut link = slot.lock().await;
        if let Some(link) = link.as_ref()
            && link.is_alive().await
        {
            return Ok(Arc::clone(link));
        }
        let opened = Arc::new(SshLink::open(connection, &self.folder, self.may_ask).await?);
        *link = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Returns whether ssh may ask the operator for something.
    pub fn may_ask(&self) -> bool {
        self.may_ask
    }

    /// Ends all connections.
    pub async fn close(&self) {
        let slots = std::mem::take(&mut *self.slots.lock().unwrap_or_else(PoisonError::into_inner));
        let mut closing = tokio::task::JoinSet::new();
        for slot in slots.into_values() {
            closing.spawn(async move {
                if let Some(link) = slot.lock().await.take() {
                    link.close().await;
                }
            });
        }
        closing.join_all().await;
    }

    fn slot(&self, connection: &Connection) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(connection.clone()).or_default())
    }
}
