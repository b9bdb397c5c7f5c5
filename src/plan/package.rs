//! Names and versions of packages, as far as the names of store paths tell them.

/// Outputs that are part of their package, not packages of their own (nixpkgs, `outputs`).
const OUTPUTS: [&str; 22] = [
    "bin", "cli", "data", "debug", "dev", "devdoc", "dist", "doc", "getent", "info", "lastlog",
    "lib", "libgcc", "login", "man", "modules", "mount", "out", "static", "swap", "terminfo",
    "tools",
];

/// Words before the first digit that belong to the version (nixpkgs, "Versioning").
const VERSION_WORDS: [&str; 9] = [
    "alpha", "beta", "git", "nightly", "pre", "rc", "snapshot", "unstable", "v",
];

/// A package's name, its version, and which of its outputs it is; empty texts where there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) output: String,
}

impl Package {
    /// Returns what a store path's name says.
    ///
    /// The version starts at the first part that begins with a digit, as for
    /// `builtins.parseDrvName`, or at the word before it that belongs to it. A last part that is
    /// the name of an output is that; any other that is a plain word tells another package of the
    /// same version, as in `linux-6.6.1-headers`.
    pub(super) fn from_path_name(path_name: &str) -> Self {
        let (rest, output) = split_output(path_name);
        let parts: Vec<&str> = rest.split('-').collect();
        let Some(mut start) = (1..parts.len()).find(|&at| starts_with_digit(parts[at])) else {
            return Self::new(rest.to_owned(), "", output);
        };
        if start > 1 && VERSION_WORDS.contains(&parts[start - 1]) {
            start -= 1;
        }
        let last = parts.len() - 1;
        let end = if last > start && is_word(parts[last]) {
            last
        } else {
            parts.len()
        };
        let mut name = parts[..start].join("-");
        for word in &parts[end..] {
            name.push('-');
            name.push_str(word);
        }
        Self::new(name, &parts[start..end].join("-"), output)
    }

    fn new(name: String, version: &str, output: &str) -> Self {
        Self {
            name,
            version: version.to_owned(),
            output: output.to_owned(),
        }
    }
}

/// An output's name follows a version: `lib` in `docker-lib` is the package's own.
fn split_output(path_name: &str) -> (&str, &str) {
    match path_name.rsplit_once('-') {
        Some((rest, output)) if OUTPUTS.contains(&output) && has_version(rest) => (rest, output),
        _ => (path_name, ""),
    }
}

fn has_version(text: &str) -> bool {
    text.split('-').skip(1).any(starts_with_digit)
}

fn starts_with_digit(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_digit())
}

fn is_word(part: &str) -> bool {
    part.len() > 1
        && part.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !VERSION_WORDS.contains(&part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_and_versions() {
        for (text, name, version, output) in [
            ("hello-2.12", "hello", "2.12", ""),
            ("openssl-3.0.13-bin", "openssl", "3.0.13", "bin"),
            ("glibc-2.39-52-dev", "glibc", "2.39-52", "dev"),
            ("python3.12-foo-1.2", "python3.12-foo", "1.2", ""),
            ("python3-3.11.9-env", "python3-env", "3.11.9", ""),
            ("linux-6.6.1", "linux", "6.6.1", ""),
            ("linux-6.6.1-modules", "linux", "6.6.1", "modules"),
            ("initrd-linux-6.6.1", "initrd-linux", "6.6.1", ""),
            ("foo-unstable-2024-01-01", "foo", "unstable-2024-01-01", ""),
            (
                "foo-0-unstable-2024-01-01",
                "foo",
                "0-unstable-2024-01-01",
                "",
            ),
            (
                "foo-1.2-unstable-2024-01-01-doc",
                "foo",
                "1.2-unstable-2024-01-01",
                "doc",
            ),
            ("foo-1.2-rc", "foo", "1.2-rc", ""),
            ("7zip-24.09", "7zip", "24.09", ""),
            ("1password-8.10.1", "1password", "8.10.1", ""),
            ("source", "source", "", ""),
            ("etc-hosts", "etc-hosts", "", ""),
            ("docker-lib", "docker-lib", "", ""),
            ("unit-sshd.service", "unit-sshd.service", "", ""),
            ("nixos-system-web1-24.05", "nixos-system-web1", "24.05", ""),
            ("linux-6.6.1.tar.xz", "linux", "6.6.1.tar.xz", ""),
            ("-1", "", "1", ""),
            ("a-", "a-", "", ""),
            ("a--1", "a-", "1", ""),
            ("", "", "", ""),
        ] {
            assert_eq!(
                Package::from_path_name(text),
                Package::new(name.to_owned(), version, output),
                "{text}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn loses_nothing(text in "[a-c0-2-]{0,12}|\\PC{0,12}") {
            let package = Package::from_path_name(&text);
            let letters = |text: &str| {
                let mut letters: Vec<char> = text.chars().filter(|letter| *letter != '-').collect();
                letters.sort_unstable();
                letters
            };
            let all = format!("{}{}{}", package.name, package.version, package.output);
            proptest::prop_assert_eq!(letters(&all), letters(&text));
        }
    }
}
