//! What a command left: its output and its end. Starting and ending it is in `running`.

use std::fmt;
use std::time::Duration;

/// The result of a command that has ended.
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit code, or 128 and the signal's number.
    pub(crate) exit: i32,
    pub(crate) elapsed: Duration,
    pub(crate) title: String,
}

impl Output {
    /// Panics with the whole transcript unless the command succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    /// Panics with the whole transcript unless the command ended with this code.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert!(
            self.exit == expected,
            "expected exit code {expected}\n{self}"
        );
        self
    }

    /// Returns standard output without the newline at its end.
    pub(crate) fn text(&self) -> &str {
        self.stdout.trim_end()
    }

    /// Returns standard output read as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("standard output is not JSON: {error}\n{self}"),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.title)?;
        writeln!(
            formatter,
            "exit code {} after {:.2?}",
            self.exit, self.elapsed
        )?;
        writeln!(formatter, "--- standard output\n{}", self.stdout)?;
        write!(formatter, "--- standard error\n{}", self.stderr)
    }
}
