//! The options of every ssh that is started.

use std::path::Path;

use crate::model::Connection;
use crate::process::Invocation;

/// How long a connection may take to come up, in seconds.
const CONNECT_TIMEOUT: u32 = 15;
/// How long an unused master stays, so that a run that was killed leaves none for ever.
const MASTER_IDLE: &str = "ControlPersist=30m";
/// A connection without an answer for about this many times 5 s counts as dead.
const ALIVE_COUNT: u32 = 3;

/// Returns the call that starts a master in the background: it ends when the login has succeeded.
pub fn master_invocation(
    connection: &Connection,
    socket: &Path,
    log: &Path,
    may_ask: bool,
) -> Invocation {
    let invocation = Invocation::new("ssh")
        .titled(format!("log in to {}", destination(connection)))
        .args(["-o", MASTER_IDLE])
        .args(&connection.ssh_opts);
    // After the user's own options, of which ssh takes the first: -M and -S alone override them.
    timeouts(invocation, may_ask)
        .args(["-M", "-N", "-f", "-S"])
        .arg(socket)
        .arg("-E")
        .arg(log)
        .arg("--")
        .arg(destination(connection))
}

/// Returns the call that runs `command` over a login of its own, sharing nothing.
///
/// Only that proves that the node can still be reached.
pub fn fresh_invocation(connection: &Connection, command: &str, may_ask: bool) -> Invocation {
    let alone = [
        "-o",
        "ControlMaster=no",
        "-o",
        "ControlPath=none",
        "-o",
        "ControlPersist=no",
    ];
    let invocation = Invocation::new("ssh")
        .titled(format!("log in afresh to {}", destination(connection)))
        .args(alone)
        .args(&connection.ssh_opts);
    timeouts(invocation, may_ask)
        .args(["-S", "none", "-T", "--"])
        .arg(destination(connection))
        .arg(command)
}

fn timeouts(invocation: Invocation, may_ask: bool) -> Invocation {
    let invocation = invocation
        .args(["-o", &format!("ConnectTimeout={CONNECT_TIMEOUT}")])
        .args([
            "-o",
            "ServerAliveInterval=5",
            "-o",
            &format!("ServerAliveCountMax={ALIVE_COUNT}"),
        ]);
    if may_ask {
        invocation.may_ask()
    } else {
        invocation.args(["-o", "BatchMode=yes"])
    }
}

pub(super) fn destination(connection: &Connection) -> String {
    format!("{}@{}", connection.ssh_user, connection.hostname)
}

/// Returns `NIX_SSHOPTS` for copying over the master behind `socket`.
///
/// The user's own options are given too, so that a Nix that brings its own control path makes one
/// more connection instead of failing. Up to 2.25 Nix splits this text at blanks: options with
/// blanks are left out, for the master needs none of them.
pub fn nix_ssh_options(connection: &Connection, socket: &Path) -> String {
    let mut words = vec![
        "-o".to_owned(),
        "ControlMaster=no".to_owned(),
        "-o".to_owned(),
        format!("ControlPath={}", socket.display()),
    ];
    let is_simple = |word: &String| {
        !word.contains(|letter: char| letter.is_whitespace() || "'\"\\".contains(letter))
    };
    if connection.ssh_opts.iter().all(is_simple) {
        words.extend(connection.ssh_opts.iter().cloned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(ssh_opts: &[&str]) -> Connection {
        Connection {
            ssh_user: "root".parse().unwrap(),
            hostname: "web1".parse().unwrap(),
            ssh_opts: ssh_opts.iter().map(ToString::to_string).collect(),
            local: false,
        }
    }

    #[test]
    fn the_users_options_come_before_ours_but_for_the_socket() {
        let line = master_invocation(
            &connection(&["-p", "2222"]),
            Path::new("/r/master"),
            Path::new("/r/log"),
            false,
        );
        assert_eq!(
            line.to_string(),
            "ssh -o ControlPersist=30m -p 2222 -o ConnectTimeout=15 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 \
             -o BatchMode=yes -M -N -f -S /r/master -E /r/log -- root@web1"
        );
    }

    #[test]
    fn a_fresh_login_shares_nothing() {
        let line = fresh_invocation(&connection(&[]), "true", true).to_string();
        assert!(
            line.starts_with("ssh -o ControlMaster=no -o ControlPath=none"),
            "{line}"
        );
        assert!(line.ends_with("-S none -T -- root@web1 true"), "{line}");
        assert!(!line.contains("BatchMode"), "{line}");
    }

    #[test]
    fn options_with_blanks_do_not_reach_an_old_nix() {
        let simple = nix_ssh_options(&connection(&["-p", "22"]), Path::new("/r/m"));
        assert_eq!(simple, "-o ControlMaster=no -o ControlPath=/r/m -p 22");
        let blanks = nix_ssh_options(
            &connection(&["-o", "ProxyCommand=nc %h %p"]),
            Path::new("/r/m"),
        );
        assert_eq!(blanks, "-o ControlMaster=no -o ControlPath=/r/m");
    }
}
