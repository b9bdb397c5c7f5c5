//! What a node is, read from outside: the links of a profile and what its activations wrote.

use crate::scene::{path_of, seen};
use crate::table::End;
use crate::testbed::Host;

/// The profile that the faults are about.
pub(crate) const PROFILE: &str = "app";
/// What is there before, what is deployed, and what is deployed after that.
pub(crate) const VERSIONS: [&str; 3] = ["1.0", "2.0", "3.0"];

/// A profile as its links and activations show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) link: Option<String>,
    pub(crate) generations: Vec<(u64, String)>,
    /// What was activated last.
    pub(crate) running: Option<String>,
}

impl State {
    #[track_caller]
    pub(crate) fn of(host: &Host, profile: &str) -> Self {
        let seen = seen(host, profile);
        Self {
            link: seen.link,
            generations: seen.generations,
            running: seen.activations.last().cloned(),
        }
    }

    /// Returns which end this is; none where it is neither.
    pub(crate) fn end(&self, before: &Self) -> Option<End> {
        if self == before {
            return Some(End::Old);
        }
        self.is_at(VERSIONS[1], before).then_some(End::New)
    }

    /// Returns whether this version is current and active, as the one generation that came.
    pub(crate) fn is_at(&self, version: &str, before: &Self) -> bool {
        let added: Vec<_> = self.added(before).collect();
        let [(number, path)] = added[..] else {
            return false;
        };
        self.keeps(before)
            && path.ends_with(&format!("-{PROFILE}-{version}"))
            && self.link.as_deref() == Some(&format!("{PROFILE}-{number}-link"))
            && self.running.as_deref() == Some(version)
    }

    /// Returns whether every generation from before is still there.
    pub(crate) fn keeps(&self, before: &Self) -> bool {
        let kept = |generation| self.generations.contains(generation);
        before.generations.iter().all(kept)
    }

    fn added<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = &'a (u64, String)> {
        let is_new = |generation: &&(u64, String)| !before.generations.contains(generation);
        self.generations.iter().filter(is_new)
    }
}

/// Returns the folder in which the agent keeps what it has to know about the profile.
pub(crate) fn agent_folder() -> String {
    path_of(PROFILE).replace(PROFILE, &format!(".deploy/{PROFILE}"))
}
