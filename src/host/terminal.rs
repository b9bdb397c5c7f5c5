//! A question on the operator's terminal, whose answer is not shown.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;

/// Asks, and returns what was typed. Where nobody waits for the answer any more, the terminal is as
/// it was before.
pub(super) async fn ask_hidden(question: String) -> io::Result<SecretString> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    write!(terminal, "{question}")?;
    let hidden = Hidden::new(terminal.try_clone()?)?;
    let reading = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(terminal).read_line(&mut line)?;
        line.truncate(line.trim_end_matches(['\n', '\r']).len());
        Ok(SecretString::from(line))
    });
    let answer = reading
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)));
    drop(hidden);
    answer
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn new(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        silent.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing any more.
        tcsetattr(&self.terminal, OptionalActions::Now, &self.before).ok();
    }
}
