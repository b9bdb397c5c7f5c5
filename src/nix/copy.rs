//! The call that copies closures to a node.

use super::command::Nix;
use crate::model::{AbsolutePath, Connection, StorePath};
use crate::process::Invocation;

/// Closures to be copied over a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRequest {
    /// The paths whose closures the node shall have.
    pub paths: Vec<StorePath>,
    /// Whether they are derivations that the node shall have as such, instead of what they build.
    pub derivations: bool,
    /// How the stores talk.
    pub protocol: CopyProtocol,
    /// Let the node fetch from its own substituters what it can.
    pub substitute: bool,
    /// The folder of the node's Nix, where that is not on the PATH of its SSH sessions.
    pub nix_folder: Option<AbsolutePath>,
}

/// The language in which two stores talk over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyProtocol {
    /// That of `nix-store --serve`: a round trip for each path.
    Serve,
    /// That of `nix-daemon`: any number of paths in one go. Some versions of Nix break off (2.11 and
    /// 2.12 with thousands of paths), and some do not understand each other.
    Daemon,
}

impl CopyRequest {
    /// Returns the call of `nix copy`, with `ssh_options` for `NIX_SSHOPTS`. The node need not look at
    /// signatures, unless they are to be `checked`.
    pub fn invocation(
        &self,
        connection: &Connection,
        ssh_options: &str,
        checked: bool,
    ) -> Invocation {
        let mut invocation = Nix::nix(&["copy"]);
        if !checked {
            invocation = invocation.arg("--no-check-sigs");
        }
        if self.derivations {
            // Up to 2.14 Nix takes a derivation for its outputs otherwise.
            invocation = invocation.arg("--derivation");
        }
        if self.substitute {
            invocation = invocation.arg("--substitute-on-destination");
        }
        invocation
            .arg("--to")
            .arg(self.store(connection))
            .args(self.paths.iter().map(StorePath::as_str))
            .env("NIX_SSHOPTS", ssh_options)
    }

    fn store(&self, connection: &Connection) -> String {
        let hostname = connection.hostname.as_str();
        // An address of IPv6 stands in brackets, and the mark of its zone is encoded.
        let hostname = if hostname.contains(':') {
            format!("[{}]", hostname.replace('%', "%25"))
        } else {
            hostname.to_owned()
        };
        let (scheme, program) = match self.protocol {
            CopyProtocol::Serve => ("ssh", "nix-store"),
            CopyProtocol::Daemon => ("ssh-ng", "nix-daemon"),
        };
        let query = self
            .nix_folder
            .as_ref()
            .map(|folder| format!("?remote-program={folder}/{program}"));
        format!(
            "{scheme}://{}@{hostname}{}",
            connection.ssh_user,
            query.unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_made_of_words() {
        let request = CopyRequest {
            paths: vec![
                "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a"
                    .parse()
                    .unwrap(),
            ],
            derivations: false,
            protocol: CopyProtocol::Serve,
            substitute: true,
            nix_folder: Some("/opt/nix/bin".parse().unwrap()),
        };
        let connection = |hostname: &str| Connection {
            ssh_user: "root".parse().unwrap(),
            hostname: hostname.parse().unwrap(),
            ssh_opts: vec![],
            local: false,
        };
        assert_eq!(
            request
                .invocation(&connection("web1"), "-p 22", false)
                .to_string(),
            "nix --extra-experimental-features nix-command flakes copy --no-check-sigs --substitute-on-destination \
             --to ssh://root@web1?remote-program=/opt/nix/bin/nix-store \
             /nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a"
        );
        let derivations = CopyRequest {
            derivations: true,
            protocol: CopyProtocol::Daemon,
            ..request.clone()
        };
        let line = derivations.invocation(&connection("web1"), "", true);
        let store = "--to ssh-ng://root@web1?remote-program=/opt/nix/bin/nix-daemon ";
        assert!(line.to_string().contains(store), "{line}");
        assert!(
            line.to_string().contains(" copy --derivation --sub"),
            "{line}"
        );
        assert!(
            request
                .store(&connection("fe80::1%eth0"))
                .starts_with("ssh://root@[fe80::1%25eth0]?")
        );
    }
}
