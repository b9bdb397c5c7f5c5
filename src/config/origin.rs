//! Where a fleet is described: in a flake, or in a Nix file.

use std::fmt;

/// Where a fleet is described, as it was given on the command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// In a flake, by its reference.
    Flake(String),
    /// In a Nix file, or in the `default.nix` of a folder, by its path.
    File(String),
}

impl Origin {
    /// Returns the reference or path.
    pub fn reference(&self) -> &str {
        match self {
            Self::Flake(reference) | Self::File(reference) => reference,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flake(reference) => write!(formatter, "flake {reference}"),
            Self::File(path) => write!(formatter, "file {path}"),
        }
    }
}
