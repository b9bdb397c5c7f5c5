//! What can go wrong with a connection, told apart by what the operator can do.

/// The kind of an [`SshError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshErrorKind {
    /// The node does not answer, or its name is not known.
    Unreachable,
    /// Something answers there, and ends the connection before the login, as sshd does when it has too many at a time.
    TurnedAway,
    /// What leads to the node (a jump host, a `ProxyCommand`) ended before the login, and nothing says why.
    CutShort,
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
        self.may_pass() || matches!(self, Self::Unreachable | Self::Lost)
    }

    /// Returns whether it may be for a moment only, as with a host that has too many logins at a time.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::TurnedAway | Self::CutShort)
    }
}

/// What ssh, a jump host or a `ProxyCommand` says of a node or a way that is not there. The ssh that waits for them then
/// says that "the remote host" ended the connection, as it does of a host that turns logins away.
const REASONS: [&str; 12] = [
    "open failed",
    "stdio forwarding",
    "Connection refused",
    "No route to host",
    "Host is down",
    "Network is unreachable",
    "timed out",
    "Could not resolve",
    "Name or service not known",
    "Temporary failure in name resolution",
    "not found",
    "No such file or directory",
];
/// What only follows from another line.
const CONSEQUENCES: [&str; 3] = [
    NOWHERE,
    "exchange_identification",
    "stdio forwarding failed",
];
/// What ssh calls the other end of a `ProxyCommand`.
const NOWHERE: &str = "UNKNOWN port 65535";

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
        } else if lines.iter().any(|line| is_any(line, &REASONS)) {
            SshErrorKind::Unreachable
        } else if has("exchange_identification")
            && lines.iter().all(|line| is_any(line, &CONSEQUENCES))
        {
            SshErrorKind::CutShort
        } else if has("exchange_identification") || has("Not allowed at this time") {
            SshErrorKind::TurnedAway
        } else {
            SshErrorKind::Unreachable
        };
        let hint = match kind {
            SshErrorKind::HostKey if has("HAS CHANGED") => "the host key changed: ",
            SshErrorKind::HostKey => "the host key is not known: ",
            SshErrorKind::LoginRefused => "the login was refused: ",
            SshErrorKind::TurnedAway | SshErrorKind::CutShort => {
                "the connection was ended before the login: "
            }
            SshErrorKind::Unreachable | SshErrorKind::Lost | SshErrorKind::Local => "",
        };
        let last_without = |words: &[&str]| lines.iter().rfind(|line| !is_any(line, words));
        let said = last_without(&CONSEQUENCES)
            .or_else(|| last_without(&[NOWHERE]))
            .or(lines.last())
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

fn is_any(line: &str, words: &[&str]) -> bool {
    words.iter().any(|word| line.contains(word))
}

fn is_worth_showing(line: &str) -> bool {
    !line.is_empty() && !line.starts_with("@@@") && !line.starts_with("Warning: ")
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

    /// What the ssh says that waits for a jump host or a `ProxyCommand`.
    const CUT: &str = "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n";

    #[test]
    fn a_reason_that_is_named_on_the_way_is_told() {
        for (said, kind, detail) in [
            (
                "channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed\r\n",
                SshErrorKind::Unreachable,
                "channel 0: open failed: connect failed: Connection refused",
            ),
            (
                "/bin/sh: 1: exec: nosuch: not found\n",
                SshErrorKind::Unreachable,
                "/bin/sh: 1: exec: nosuch: not found",
            ),
            (
                "ssh: connect to host jump port 22: Connection refused\r\n",
                SshErrorKind::Unreachable,
                "ssh: connect to host jump port 22: Connection refused",
            ),
            (
                "nobody@jump: Permission denied (publickey).\r\n",
                SshErrorKind::LoginRefused,
                "the login was refused: nobody@jump: Permission denied (publickey).",
            ),
            (
                "kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 10.0.0.1 port 22\r\n",
                SshErrorKind::TurnedAway,
                "the connection was ended before the login: Connection reset by 10.0.0.1 port 22",
            ),
            (
                "",
                SshErrorKind::CutShort,
                "the connection was ended before the login: kex_exchange_identification: Connection closed by remote host",
            ),
        ] {
            // A log of ssh's own comes before what the way says, a terminal has it after.
            for messages in [format!("{said}{CUT}"), format!("{CUT}{said}")] {
                let error = SshError::from_messages(&messages);
                assert_eq!(
                    (error.kind, error.detail.as_str()),
                    (kind, detail),
                    "{messages}"
                );
            }
        }
    }

    /// A key of `ssh_config` that is not there must not make a node in a crowd one that is down.
    #[test]
    fn what_ssh_warns_of_is_no_reason() {
        let warning =
            "Warning: Identity file /root/.ssh/old not accessible: No such file or directory.";
        let crowd = "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 10.0.0.1 port 22";
        let error = SshError::from_messages(&format!("{warning}\n{crowd}"));
        assert_eq!(error.kind, SshErrorKind::TurnedAway);
        let error = SshError::from_messages(&format!("{warning}\n{CUT}"));
        assert_eq!(error.kind, SshErrorKind::CutShort);
        assert!(!error.detail.contains("Identity file"), "{error}");
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
