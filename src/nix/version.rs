//! Versions of Nix, and what differs between them.

use semver::Version;

use super::NixError;
use super::command::{Nix, output};

/// A version of Nix, Lix or Determinate Nix, as far as its command line is concerned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NixVersion(Version);

impl NixVersion {
    /// Asks the `nix` on PATH.
    pub async fn of_operator() -> Result<Self, NixError> {
        let text = output(&Nix::nix(&["--version"]), "asking for the version of Nix").await?;
        Ok(Self::parse(&text))
    }

    /// Returns the version in what `nix --version` prints: the last word that is one, so that
    /// `nix (Lix, like Nix) 2.91.0` and `nix (Determinate Nix 3.0.0) 2.31.1` are read right. A text
    /// without one counts as new.
    pub fn parse(text: &str) -> Self {
        let version = |word: &str| {
            let word = word.trim_matches(|letter: char| !letter.is_ascii_digit());
            let digits: String = word
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            let mut parts = digits.split('.').map(|part| part.parse().ok());
            Some(Version::new(
                parts.next()??,
                parts.next()??,
                parts.next().flatten().unwrap_or(0),
            ))
        };
        let last = text
            .lines()
            .next()
            .and_then(|line| line.split_whitespace().filter_map(version).next_back());
        Self(last.unwrap_or(Version::new(u64::MAX, 0, 0)))
    }

    /// Returns the installable for all outputs of a derivation.
    ///
    /// Up to 2.14 `X.drv` means its outputs and `X.drv^*` does not exist everywhere (2.8: "is not
    /// a valid URL"); from 2.15 on `X.drv` means the file itself, which builds nothing.
    pub fn outputs_of(&self, derivation: &str) -> String {
        if self.0 < Version::new(2, 15, 0) {
            derivation.to_owned()
        } else {
            format!("{derivation}^*")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_version_line() {
        for (line, old) in [
            ("nix (Nix) 2.8.0\n", true),
            ("nix (Nix) 2.14.1", true),
            ("nix (Nix) 2.15.0", false),
            ("nix (Nix) 2.26.3", false),
            ("nix (Nix) 2.36.0pre20260101_abcdef", false),
            ("nix (Lix, like Nix) 2.91.0", false),
            ("nix (Determinate Nix 3.0.0) 2.31.1", false),
            ("something new", false),
        ] {
            assert_eq!(
                NixVersion::parse(line).outputs_of("x.drv") == "x.drv",
                old,
                "{line}"
            );
        }
    }
}
