//! Generations of a profile, and what a profile was seen to be.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::StorePath;

/// The number of a generation, as in `system-42-link`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// Returns the number in `<profile>-<number>-link`, if `link` is a generation of `profile`.
    pub fn from_link_name(profile: &str, link: &str) -> Option<Self> {
        let digits = link
            .strip_prefix(profile)?
            .strip_prefix('-')?
            .strip_suffix("-link")?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok().map(Self)
    }

    /// Returns the file name that Nix gives to this generation of `profile`.
    pub fn link_name(self, profile: &str) -> String {
        format!("{profile}-{}-link", self.0)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// What a profile was seen to be on its node.
///
/// Number and path of the link are not enough to tell whether a profile was changed meanwhile:
/// after a deployment and a rollback by hand both are back, and only the highest number differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum ProfileState {
    /// There is no profile link.
    Absent {
        /// The highest generation left behind by a profile that was removed.
        highest_generation: Option<Generation>,
    },
    /// The profile link exists.
    Present {
        /// The generation that the link names; none when it points straight at a store path.
        generation: Option<Generation>,
        /// The store path that the link resolves to; none when that is outside of the store.
        path: Option<StorePath>,
        /// The highest generation number beside the link.
        highest_generation: Option<Generation>,
    },
    /// The profile could not be read.
    Unknown {
        /// Why, as a short sentence fragment.
        reason: String,
    },
}

impl ProfileState {
    /// Returns the store path that the profile link resolves to, where it is known.
    pub fn path(&self) -> Option<&StorePath> {
        match self {
            Self::Present { path, .. } => path.as_ref(),
            Self::Absent { .. } | Self::Unknown { .. } => None,
        }
    }

    /// Returns the generation that the profile link names, where it names one.
    pub fn generation(&self) -> Option<Generation> {
        match self {
            Self::Present { generation, .. } => *generation,
            Self::Absent { .. } | Self::Unknown { .. } => None,
        }
    }

    /// Returns the highest generation number beside the link.
    pub fn highest_generation(&self) -> Option<Generation> {
        match self {
            Self::Present {
                highest_generation, ..
            }
            | Self::Absent { highest_generation } => *highest_generation,
            Self::Unknown { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_generation_numbers_from_link_names() {
        assert_eq!(
            Generation::from_link_name("system", "system-12-link"),
            Some(Generation(12))
        );
        assert_eq!(
            Generation::from_link_name("a-1", "a-1-2-link"),
            Some(Generation(2))
        );
        for other in [
            "system",
            "system-link",
            "system--link",
            "system-1x-link",
            "other-1-link",
            "system-+1-link",
        ] {
            assert_eq!(Generation::from_link_name("system", other), None, "{other}");
        }
    }

    #[test]
    fn a_link_name_reads_back() {
        assert_eq!(
            Generation::from_link_name("x", &Generation(7).link_name("x")),
            Some(Generation(7))
        );
    }
}
