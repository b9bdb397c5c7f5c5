//! TARGETs of the command line: `FLAKE`, `FLAKE#node`, `FLAKE#node.profile`.
//!
//! Names are Nix attribute names: bare where they are identifiers, in double quotes otherwise, as
//! deploy-rs reads them.

use std::fmt;
use std::str::FromStr;

use super::origin::Origin;
use crate::model::{InvalidText, NodeName, ProfileName, quoted};

const HERE: &str = ".";

/// A TARGET as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetArgument {
    /// What stands before the first `#`, read as a flake reference; `.` where nothing does.
    pub origin: Origin,
    /// The node, if one is named.
    pub node: Option<NodeName>,
    /// The profile, if one is named.
    pub profile: Option<ProfileName>,
}

/// A TARGET that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// More than node and profile.
    #[error(
        "target {target:?} has more than a node and a profile; a name with dots is put in quotes: 'FLAKE#\"a.b\".profile'"
    )]
    TooLong {
        /// The TARGET.
        target: String,
    },
    /// Something other than names and dots.
    #[error(
        "target {target:?} has {found:?} where a name was expected; such a name is put in quotes: 'FLAKE#\"my node\"'"
    )]
    Unexpected {
        /// The TARGET.
        target: String,
        /// The offending character.
        found: char,
    },
    /// A name is missing between dots, or at the end.
    #[error("target {target:?} ends where a name was expected")]
    Incomplete {
        /// The TARGET.
        target: String,
    },
    /// A flake beside a file.
    #[error(
        "target {target:?} names a flake, but file {file} is given; write NODE or NODE.PROFILE, or leave --file out"
    )]
    NotInFile {
        /// The TARGET.
        target: String,
        /// The file.
        file: String,
    },
    /// A name that no node or profile can have.
    #[error(transparent)]
    Name(#[from] InvalidText),
}

impl FromStr for TargetArgument {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (flake, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut names = parse_fragment(text, fragment)?.into_iter();
        let (node, profile) = (names.next(), names.next());
        if names.next().is_some() {
            return Err(TargetError::TooLong {
                target: text.to_owned(),
            });
        }
        Ok(Self {
            origin: Origin::Flake(if flake.is_empty() {
                HERE.to_owned()
            } else {
                flake.to_owned()
            }),
            node: node.map(NodeName::try_from).transpose()?,
            profile: profile.map(ProfileName::try_from).transpose()?,
        })
    }
}

impl TargetArgument {
    /// Returns what the TARGET means where a file is given beside it: `NODE` or `NODE.PROFILE`,
    /// after a `#` or without one.
    ///
    /// # Errors
    /// Where it is no such name.
    pub fn in_file(self, file: &str) -> Result<Self, TargetError> {
        let reference = self.origin.reference();
        let named = match (&self.node, reference) {
            (_, HERE) => self,
            (None, names) if !names.contains('/') => format!("#{names}").parse()?,
            _ => {
                return Err(TargetError::NotInFile {
                    target: self.to_string(),
                    file: file.to_owned(),
                });
            }
        };
        Ok(Self {
            origin: Origin::File(file.to_owned()),
            ..named
        })
    }
}

impl fmt::Display for TargetArgument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.origin.reference())?;
        if let Some(node) = &self.node {
            write!(formatter, "#{}", quoted(node.as_str()))?;
        }
        match &self.profile {
            Some(profile) => write!(formatter, ".{}", quoted(profile.as_str())),
            None => Ok(()),
        }
    }
}

fn parse_fragment(target: &str, fragment: &str) -> Result<Vec<String>, TargetError> {
    let mut names = Vec::new();
    let mut rest = fragment.chars().peekable();
    if rest.peek().is_none() {
        return Ok(names);
    }
    loop {
        names.push(parse_name(target, &mut rest)?);
        match rest.next() {
            None => return Ok(names),
            Some('.') => {}
            Some(found) => {
                return Err(TargetError::Unexpected {
                    target: target.to_owned(),
                    found,
                });
            }
        }
    }
}

fn parse_name(
    target: &str,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<String, TargetError> {
    let incomplete = || TargetError::Incomplete {
        target: target.to_owned(),
    };
    let mut name = String::new();
    if rest.next_if_eq(&'"').is_some() {
        loop {
            match rest.next().ok_or_else(incomplete)? {
                '"' => return Ok(name),
                '\\' => name.push(rest.next().ok_or_else(incomplete)?),
                other => name.push(other),
            }
        }
    }
    while let Some(letter) =
        rest.next_if(|letter| letter.is_alphanumeric() || "_-'".contains(*letter))
    {
        name.push(letter);
    }
    match (name.is_empty(), rest.peek()) {
        (false, _) => Ok(name),
        (true, None | Some('.')) => Err(incomplete()),
        (true, Some(found)) => Err(TargetError::Unexpected {
            target: target.to_owned(),
            found: *found,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (String, Option<String>, Option<String>) {
        let target: TargetArgument = text.parse().unwrap();
        (
            target.origin.reference().to_owned(),
            target.node.map(Into::into),
            target.profile.map(Into::into),
        )
    }

    #[test]
    fn reads_what_deploy_rs_reads() {
        let some = |text: &str| Some(text.to_owned());
        let flake = "../examples/system";
        for (text, node, profile) in [
            ("../examples/system", None, None),
            ("../examples/system#", None, None),
            (
                "../examples/system#computer.\"something.nix\"",
                some("computer"),
                some("something.nix"),
            ),
            (
                "../examples/system#\"example.com\".system",
                some("example.com"),
                some("system"),
            ),
            ("../examples/system#example", some("example"), None),
            (
                "../examples/system#example.system",
                some("example"),
                some("system"),
            ),
            ("../examples/system#0a.\"a\\\"b\"", some("0a"), some("a\"b")),
        ] {
            assert_eq!(parse(text), (flake.to_owned(), node, profile), "{text}");
        }
        assert_eq!(parse("#a").0, ".");
    }

    #[test]
    fn beside_a_file_a_target_is_a_name_in_it() {
        let read = |text: &str| {
            let target: TargetArgument = text.parse().unwrap();
            target
                .in_file("./a#b.nix")
                .map(|target| target.to_string())
                .map_err(|error| error.to_string())
        };
        for (text, expected) in [
            (".", "./a#b.nix"),
            ("web1", "./a#b.nix#web1"),
            (".#web1", "./a#b.nix#web1"),
            ("web1.\"a.b\"", "./a#b.nix#web1.\"a.b\""),
            ("#\"a#b\".c", "./a#b.nix#\"a#b\".c"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(
            read("./fleet#web1")
                .unwrap_err()
                .contains("leave --file out")
        );
        assert!(read("./fleet").unwrap_err().contains("leave --file out"));
    }

    #[test]
    fn refuses_the_rest_with_a_hint() {
        for (text, expected) in [
            (".#a.b.c", "more than a node"),
            (".#a b", "in quotes"),
            (".#a.", "ends where"),
            (".#.a", "ends where"),
            (".#\"a", "ends where"),
            (".#a.\"b/c\"", "slash"),
        ] {
            let error = text.parse::<TargetArgument>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn display_reads_back(node in "[^\\p{Cc}]{1,12}", profile in "[a-z\"\\\\. $]{1,8}") {
            proptest::prop_assume!(!profile.starts_with('.'));
            let target = TargetArgument {
                origin: Origin::Flake("github:a/b?ref=c".into()),
                node: Some(node.parse().unwrap()),
                profile: Some(profile.parse().unwrap()),
            };
            proptest::prop_assert_eq!(target.to_string().parse::<TargetArgument>().unwrap(), target);
        }

        #[test]
        fn never_panics(text in ".*") {
            drop(text.parse::<TargetArgument>());
        }
    }
}
