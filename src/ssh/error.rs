//! What can go wrong with a connection, told apart by what the operator can do.

/// The kind of an [`SshError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshErrorKind {
    /// The node does not answer, or its name is not known.
    Unreachable,
    /// Something answers there, and ends the connection before the login, as sshd does when it has too many at a time.
    TurnedAway,
    /// The node was there, and its connection ended.
    Lost,
    /// The node's key is not the one that is known.
    HostKey,
    /// The node answers, but does not let this user in.
    LoginRefused,
    /// ssh cannot be run here.
    Local,
}

impl SshErrorKind {
    /// Returns whether the node, or the way to it, did not answer.
    pub fn is_unreachable(self) -> bool {
        matches!(self, Self::Unreachable | Self::TurnedAway | Self::Lost)
    }
}

/// A connection that could not be made, or was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct SshError {
    /// What kind it is.
    pub kind: SshErrorKind,
    /// What ssh said.
    pub detail: String,
}

impl SshError {
    /// Returns the error that a failed login's messages stand for.
    pub fn from_messages(messages: &str) -> Self {
        let lines: Vec<&str> = messages
            .lines()
            .map(str::trim)
            .filter(|line| is_worth_showing(line))
            .collect();
        let has = |text: &str| messages.contains(text);
        let kind = if has("Host key verification failed") || has("HOST IDENTIFICATION HAS CHANGED")
        {
            SshErrorKind::HostKey
        } else if has("Permission denied") || has("Too many authentication failures") {
            SshErrorKind::LoginRefused
        } else if has("exchange_identification") || has("Not allowed at this time") {
            SshErrorKind::TurnedAway
        } else {
            SshErrorKind::Unreachable
        };
        let hint = match kind {
            SshErrorKind::HostKey if has("HAS CHANGED") => "the host key changed: ",
            SshErrorKind::HostKey => "the host key is not known: ",
            SshErrorKind::LoginRefused => "the login was refused: ",
            SshErrorKind::TurnedAway => "the connection was ended before the login: ",
            SshErrorKind::Unreachable | SshErrorKind::Lost | SshErrorKind::Local => "",
        };
        let said = lines
            .last()
            .copied()
            .unwrap_or("ssh ended without saying why");
        Self {
            kind,
            detail: format!("{hint}{said}"),
        }
    }

    /// Returns whether an answer of the operator on the terminal could help.
    pub fn may_be_answered(&self) -> bool {
        let is_changed_key = self.detail.contains("the host key changed");
        self.kind == SshErrorKind::LoginRefused
            || (self.kind == SshErrorKind::HostKey && !is_changed_key)
    }

    /// Returns the error of a connection that ended under a command.
    pub fn lost(detail: impl Into<String>) -> Self {
        Self {
            kind: SshErrorKind::Lost,
            detail: detail.into(),
        }
    }

    /// Returns the error of an ssh that cannot be run.
    pub fn local(detail: impl Into<String>) -> Self {
        Self {
            kind: SshErrorKind::Local,
            detail: detail.into(),
        }
    }
}

fn is_worth_showing(line: &str) -> bool {
    !line.is_empty() && !line.starts_with("@@@") && !line.starts_with("Warning: Permanently added")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (messages, kind) in [
            (
                "ssh: connect to host web1 port 22: Connection refused\r",
                SshErrorKind::Unreachable,
            ),
            (
                "ssh: Could not resolve hostname nope: Name or service not known",
                SshErrorKind::Unreachable,
            ),
            (
                "root@web1: Permission denied (publickey).",
                SshErrorKind::LoginRefused,
            ),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                SshErrorKind::HostKey,
            ),
            (
                "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.1 port 22",
                SshErrorKind::TurnedAway,
            ),
            ("", SshErrorKind::Unreachable),
        ] {
            assert_eq!(SshError::from_messages(messages).kind, kind, "{messages}");
        }
    }

    #[test]
    fn says_what_ssh_said() {
        let error =
            SshError::from_messages("banner\nroot@web1: Permission denied (publickey).\r\n");
        assert_eq!(
            error.to_string(),
            "the login was refused: root@web1: Permission denied (publickey)."
        );
    }
}
