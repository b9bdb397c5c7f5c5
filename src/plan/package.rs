//! Names and versions of packages, as far as the names of store paths tell them.

/// Outputs that are part of their package, not packages of their own.
const OUTPUTS: [&str; 12] = [
    "bin", "dev", "lib", "man", "doc", "out", "info", "data", "debug", "static", "devdoc",
    "terminfo",
];

/// A package's name, and its version or an empty text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
}

impl Package {
    /// Returns what a store path's name says, with the name of an output left out.
    ///
    /// The version starts after the first dash that a digit follows, as `nix-env` has it but for
    /// the letters that `builtins.parseDrvName` would also end a name at.
    pub(super) fn from_path_name(path_name: &str) -> Self {
        let folded = OUTPUTS
            .iter()
            .find_map(|output| path_name.strip_suffix(output)?.strip_suffix('-'))
            .filter(|folded| !folded.is_empty())
            .unwrap_or(path_name);
        let bytes = folded.as_bytes();
        let dash = (1..bytes.len().saturating_sub(1))
            .find(|&at| bytes[at] == b'-' && bytes[at + 1].is_ascii_digit());
        match dash {
            Some(at) => Self {
                name: folded[..at].to_owned(),
                version: folded[at + 1..].to_owned(),
            },
            None => Self {
                name: folded.to_owned(),
                version: String::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_and_versions() {
        for (text, name, version) in [
            ("hello-2.12", "hello", "2.12"),
            ("openssl-3.0.13-bin", "openssl", "3.0.13"),
            ("python3.12-foo-1.2", "python3.12-foo", "1.2"),
            ("source", "source", ""),
            ("etc-hosts", "etc-hosts", ""),
            ("nixos-system-web1-24.05", "nixos-system-web1", "24.05"),
            ("-1", "-1", ""),
            ("a-", "a-", ""),
        ] {
            let package = Package::from_path_name(text);
            assert_eq!(
                (package.name.as_str(), package.version.as_str()),
                (name, version),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            drop(Package::from_path_name(&text));
        }
    }
}
