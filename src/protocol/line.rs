//! One value, one line of JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest line that is read, in bytes.
const LENGTH_MAX: usize = 1 << 20;

/// A line that is no message of this protocol.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Longer than any message.
    #[error("a line of {length} bytes is longer than any message")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Not the expected JSON.
    #[error("not a message: {line:?}")]
    Malformed {
        /// The line.
        line: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}

/// Returns `value` as one line of JSON, without a line end.
pub fn to_line<T: Serialize>(value: &T) -> String {
    // The types of this protocol have string keys only, so that this cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

/// Returns the value that a line stands for.
pub fn parse_line<T: DeserializeOwned>(line: &str) -> Result<T, LineError> {
    if line.len() > LENGTH_MAX {
        return Err(LineError::TooLong { length: line.len() });
    }
    serde_json::from_str(line).map_err(|source| LineError::Malformed {
        line: line.chars().take(200).collect(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ActivationResult, AgentMessage, FailureReason};

    #[test]
    fn a_message_is_one_line_and_reads_back() {
        let message = AgentMessage::Result {
            result: ActivationResult::NotStarted {
                reason: FailureReason::Exited { status: 3 }.to_string() + "\n",
            },
        };
        let line = to_line(&message);
        assert!(!line.contains('\n'));
        assert_eq!(parse_line::<AgentMessage>(&line).unwrap(), message);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(line in ".*") {
            drop(parse_line::<AgentMessage>(&line));
        }
    }
}
