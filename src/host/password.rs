//! Passwords for sudo: known to this process only, and written to nothing but a sudo that asks.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt;

use super::asking::Turn;
use super::terminal::ask_hidden;
use crate::model::{Connection, HostName, UserName};
use crate::process::{Answered, Answers, Input};

/// How often the operator may try.
const TRIES: u32 = 3;

/// Where a password is good: on this host, for this login, through this sudo.
type Place = (HostName, UserName, Vec<String>);

/// The passwords that a sudo has taken.
#[derive(Default)]
pub(super) struct Passwords(Mutex<BTreeMap<Place, SecretString>>);

impl Passwords {
    /// Returns the password for this sudo of a node.
    pub(super) fn get(&self, connection: &Connection, sudo: &[String]) -> Option<SecretString> {
        self.lock().get(&place(connection, sudo)).cloned()
    }

    /// Returns a password that another sudo of the same login has taken.
    fn of_login(&self, connection: &Connection) -> Option<SecretString> {
        let passwords = self.lock();
        let mut known = passwords.iter();
        let found = known.find(|((hostname, user, _), _)| {
            *hostname == connection.hostname && *user == connection.ssh_user
        });
        found.map(|(_, password)| password.clone())
    }

    pub(super) fn insert(&self, connection: &Connection, sudo: &[String], password: SecretString) {
        self.lock().insert(place(connection, sudo), password);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, SecretString>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Passwords").finish_non_exhaustive()
    }
}

fn place(connection: &Connection, sudo: &[String]) -> Place {
    let (hostname, user) = (&connection.hostname, &connection.ssh_user);
    (hostname.clone(), user.clone(), sudo.to_vec())
}

/// Answers with a password that is known, once.
pub(super) struct Known<'a> {
    prompt: &'a str,
    password: Option<SecretString>,
}

impl<'a> Known<'a> {
    pub(super) fn new(prompt: &'a str, password: SecretString) -> Self {
        Self {
            prompt,
            password: Some(password),
        }
    }
}

impl Answers for Known<'_> {
    fn prompt(&self) -> &str {
        self.prompt
    }

    fn answer<'a>(&'a mut self, input: Input<'a>) -> Answered<'a> {
        Box::pin(async move {
            match self.password.take() {
                Some(password) => write(input, &password).await.map(|()| true),
                None => Ok(false),
            }
        })
    }
}

/// Answers with what the operator types, a few times.
pub(super) struct Operator<'a> {
    prompt: &'a str,
    question: String,
    destination: String,
    turn: &'a Turn<'a>,
    untried: Option<SecretString>,
    given: Option<SecretString>,
    tries: u32,
}

impl<'a> Operator<'a> {
    /// A password that the same login has given to another sudo is tried first.
    pub(super) fn new(
        prompt: &'a str,
        connection: &Connection,
        passwords: &Passwords,
        turn: &'a Turn<'a>,
    ) -> Self {
        let (user, host) = (&connection.ssh_user, &connection.hostname);
        Self {
            prompt,
            question: format!("sudo on {host}: password of {user}: "),
            destination: format!("{user}@{host}"),
            turn,
            untried: passwords.of_login(connection),
            given: None,
            tries: 0,
        }
    }

    /// Returns the last answer, if there was a question.
    pub(super) fn given(self) -> Option<SecretString> {
        self.given
    }

    /// Lets the same answer be given to another call.
    pub(super) fn again(&mut self) {
        self.untried = self.given.clone();
    }

    pub(super) fn has_no_more_tries(&self) -> bool {
        self.tries == TRIES
    }

    async fn next(&mut self) -> io::Result<Option<SecretString>> {
        if let Some(password) = self.untried.take() {
            return Ok(Some(password));
        }
        if self.has_no_more_tries() {
            return Ok(None);
        }
        self.tries += 1;
        let again = if self.tries > 1 { "Not taken. " } else { "" };
        let question = format!("{again}{}", self.question);
        let asked = self.turn.ask(&self.destination, ask_hidden(question));
        asked.await.map(Some)
    }
}

impl Answers for Operator<'_> {
    fn prompt(&self) -> &str {
        self.prompt
    }

    fn answer<'a>(&'a mut self, input: Input<'a>) -> Answered<'a> {
        Box::pin(async move {
            let Some(password) = self.next().await? else {
                return Ok(false);
            };
            write(input, &password).await?;
            self.given = Some(password);
            Ok(true)
        })
    }
}

async fn write(input: Input<'_>, password: &SecretString) -> io::Result<()> {
    let line = SecretString::from(format!("{}\n", password.expose_secret()));
    input.write_all(line.expose_secret().as_bytes()).await?;
    input.flush().await
}
