//! Who copies.

use std::time::Duration;

use super::ground::Ground;
use super::testbed::Command;

/// The flags that copy everything, and that let nodes fetch from their cache.
pub(crate) const DIRECT: [&str; 2] = ["--fast-connection", "true"];
const FROM_CACHE: [&str; 2] = ["--fast-connection", "false"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    /// One `nix copy` per node, in the language of `nix-store --serve`.
    Serve,
    /// The same in the language of `nix-daemon`.
    Daemon,
    /// All new paths, read once and sent to all nodes. Only users whom the nodes' stores trust can
    /// do that: an export has no signatures.
    Stream,
    /// `deploy`, which copies everything.
    Deploy,
    /// `deploy`, where nodes fetch from a binary cache.
    Cache,
}

/// How long a contender took.
pub(crate) struct Took {
    /// For copying alone.
    pub(crate) copying: Duration,
    /// For all that it does.
    pub(crate) all: Duration,
}

impl Contender {
    pub(crate) const ALL: [Self; 5] = [
        Self::Serve,
        Self::Daemon,
        Self::Stream,
        Self::Deploy,
        Self::Cache,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Serve => "nix copy (ssh)",
            Self::Daemon => "nix copy (ssh-ng)",
            Self::Stream => "read once",
            Self::Deploy => "deploy",
            Self::Cache => "deploy, from a cache",
        }
    }

    /// Brings the closure of this path to all nodes.
    pub(crate) fn copy(self, ground: &Ground, path: &str) -> Took {
        match self {
            Self::Serve => bare(ground.script(include_str!("copy.sh"), &["ssh", path])),
            Self::Daemon => bare(ground.script(include_str!("copy.sh"), &["ssh-ng", path])),
            Self::Stream => bare(ground.script(include_str!("stream.sh"), &[path])),
            Self::Deploy => deploy(ground, DIRECT),
            Self::Cache => deploy(ground, FROM_CACHE),
        }
    }
}

fn bare(command: Command) -> Took {
    let took = command.run().success().elapsed;
    Took {
        copying: took,
        all: took,
    }
}

/// Copying is from the begin of the first copy step to the end of the last.
fn deploy(ground: &Ground, flags: [&str; 2]) -> Took {
    let (output, spans) = ground.deploy(&flags);
    let copies = spans.iter().filter(|span| span.name.starts_with("copy:"));
    let begun = copies.clone().map(|span| span.begun).min();
    let ended = copies.map(|span| span.ended).max();
    let (begun, ended) = (begun.expect("a copy"), ended.expect("a copy"));
    Took {
        copying: ended.saturating_sub(begun),
        all: output.elapsed,
    }
}
