//! Numbers of generations, and the links that carry them.

use std::fmt;

use serde::{Deserialize, Serialize};

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
