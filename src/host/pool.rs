//! One connection per distinct (user, host, options), opened when it is first needed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::crowd::through_the_crowd;
use super::password::Passwords;
use super::{Asking, Link};
use crate::model::{AbsolutePath, Connection, RunId};
use crate::ssh::{SshError, SshLink};

/// The connections of a run.
#[derive(Debug)]
pub struct ConnectionPool {
    folder: PathBuf,
    pub(super) asking: Option<Asking>,
    /// With what every sudo asks that may be answered.
    pub(super) sudo_prompt: String,
    pub(super) passwords: Passwords,
    slots: Mutex<BTreeMap<Connection, Slot>>,
    installed_agents: Mutex<BTreeMap<Connection, AbsolutePath>>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Arc<Link>>>>;

impl ConnectionPool {
    /// Returns a pool whose control sockets lie below `folder`. Only with `asking` may ssh ask the
    /// operator for a passphrase or a password; sudo asks with a random `mark`.
    pub fn new(folder: PathBuf, asking: Option<Asking>, mark: &RunId) -> Self {
        Self {
            folder,
            asking,
            sudo_prompt: format!("[{mark}] "),
            passwords: Passwords::default(),
            slots: Mutex::default(),
            installed_agents: Mutex::default(),
        }
    }

    /// Returns the connection, and logs in where there is none or where it was lost.
    pub async fn link(&self, connection: &Connection) -> Result<Arc<Link>, SshError> {
        let slot = self.slot(connection);
        let mut link = slot.lock().await;
        if let Some(link) = link.as_ref()
            && link.is_alive().await
        {
            return Ok(Arc::clone(link));
        }
        let opened = Arc::new(self.open(connection).await?);
        *link = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Logs in without asking first, so that all that need no answer do so at the same time.
    async fn open(&self, connection: &Connection) -> Result<Link, SshError> {
        if connection.local {
            return Ok(Link::Local);
        }
        let login = || SshLink::open(connection, &self.folder, false);
        let quiet = through_the_crowd(login, || SshLink::explain(connection)).await;
        let opened = match (&self.asking, quiet) {
            (Some(asking), Err(error)) if error.may_be_answered() => {
                asking
                    .lend(connection, SshLink::open(connection, &self.folder, true))
                    .await
            }
            (_, quiet) => quiet,
        };
        opened.map(|link| Link::Ssh(Box::new(link)))
    }

    /// Returns whether the operator had to answer something for this connection, and will have to
    /// again for each fresh login.
    pub fn asks(&self, connection: &Connection) -> bool {
        self.asking
            .as_ref()
            .is_some_and(|asking| asking.is_needed_for(connection))
    }

    /// Runs a fresh login, which may ask where the shared connection had to.
    pub(super) async fn fresh<T, F: Future<Output = T>>(
        &self,
        connection: &Connection,
        login: impl FnOnce(bool) -> F,
    ) -> T {
        match &self.asking {
            Some(asking) if asking.is_needed_for(connection) => {
                asking.lend(connection, login(true)).await
            }
            _ => login(false).await,
        }
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

    /// Remembers the agent that root has installed on a node, which calls through sudo use.
    pub fn set_installed_agent(&self, connection: &Connection, agent: Option<AbsolutePath>) {
        let mut agents = self.lock_installed_agents();
        match agent {
            Some(agent) => agents.insert(connection.clone(), agent),
            None => agents.remove(connection),
        };
    }

    /// Returns the agent that root has installed on a node, if one was seen there.
    pub fn installed_agent(&self, connection: &Connection) -> Option<AbsolutePath> {
        self.lock_installed_agents().get(connection).cloned()
    }

    fn lock_installed_agents(&self) -> MutexGuard<'_, BTreeMap<Connection, AbsolutePath>> {
        let agents = self.installed_agents.lock();
        agents.unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, connection: &Connection) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(connection.clone()).or_default())
    }
}
