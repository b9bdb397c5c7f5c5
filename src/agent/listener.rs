//! Who hears what a run says, and in which form.

use std::io::{self, BufWriter, Write};

use crate::protocol::{ActivationResult, AgentMessage, PROTOCOL_VERSION, to_line};

/// Somebody who hears the messages of a run.
pub(super) trait Listener {
    /// Takes the next message.
    ///
    /// # Errors
    /// Where nobody is there any more.
    fn hear(&mut self, message: &AgentMessage) -> io::Result<()>;

    /// Hands on what was heard until now.
    ///
    /// # Errors
    /// As for [`Listener::hear`].
    fn flush(&mut self) -> io::Result<()>;
}

/// The operator's `deploy`, which hears JSON lines.
#[derive(Debug)]
pub(super) struct JsonLines<W: Write>(BufWriter<W>);

impl<W: Write> JsonLines<W> {
    /// Returns the operator at the other end of `output`.
    pub(super) fn new(output: W) -> Self {
        Self(BufWriter::with_capacity(64 << 10, output))
    }
}

impl<W: Write> Listener for JsonLines<W> {
    fn hear(&mut self, message: &AgentMessage) -> io::Result<()> {
        writeln!(self.0, "{}", to_line(message))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Tells the only two messages of something that cannot begin.
pub(super) fn refuse(
    listener: &mut impl Listener,
    log: &str,
    result: ActivationResult,
) -> io::Result<()> {
    listener.hear(&AgentMessage::Hello {
        protocol: PROTOCOL_VERSION,
        log: log.to_owned(),
    })?;
    listener.hear(&AgentMessage::Result { result })?;
    listener.flush()
}
