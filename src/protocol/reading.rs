//! A profile as its own user can see it: the answer to `read`.

use serde::{Deserialize, Serialize};

use crate::model::{ObservedGeneration, ProfileState};

/// What a profile is, and what its last run has left. The journal and the lock are told as they
/// stand, for whoever asked judges them in the same way where it can read them itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// What the profile link is.
    pub state: ProfileState,
    /// All generations, by number.
    pub generations: Vec<ObservedGeneration>,
    /// The journal; none where there is none.
    pub journal: Option<JournalText>,
    /// The lock; none where nobody has ever taken it.
    pub lock: Option<LockText>,
}

/// A journal, whatever is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalText {
    /// Its text.
    pub text: String,
    /// When it was written, in seconds since 1970.
    pub written: Option<u64>,
}

/// The file of a lock, and who the kernel says has locked it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockText {
    /// Device and inode, as numbers with a blank between.
    pub file: String,
    /// The lines of `/proc/locks` that may be about it; none where those cannot be read.
    pub locks: Option<String>,
    /// What the holder has written about itself.
    pub holder: String,
}
