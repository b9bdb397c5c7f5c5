//! Names of nodes, profiles, users and hosts: text that was checked once, on construction.

/// Text that was refused, with the reason, for an error message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} {reason}")]
pub struct InvalidText {
    /// What the text was meant to be, such as "host name".
    pub what: &'static str,
    /// The refused text.
    pub text: String,
    /// Why it was refused, as the end of a sentence.
    pub reason: &'static str,
}

/// Defines a newtype over `String` whose every value has passed `$check`.
macro_rules! text_newtype {
    ($(#[$meta:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::model::InvalidText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(reason) => Err($crate::model::InvalidText { what: $what, text, reason }),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::InvalidText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}
pub(crate) use text_newtype;

text_newtype!(
    /// The name of a node: an attribute of `deploy.nodes`.
    NodeName,
    "node name",
    check_printable
);

text_newtype!(
    /// The name of a profile: an attribute of a node's `profiles`, and a file name on the node.
    ProfileName,
    "profile name",
    check_profile
);

text_newtype!(
    /// A user's login name, on the node.
    UserName,
    "user name",
    check_user
);

text_newtype!(
    /// A host name or address as given to ssh. Never starts with `-`, so it cannot be an option.
    HostName,
    "host name",
    check_host
);

fn check_printable(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character");
    }
    Ok(())
}

fn check_profile(text: &str) -> Result<(), &'static str> {
    check_printable(text)?;
    if text.contains('/') {
        return Err("has a slash, but it becomes a file name on the node");
    }
    if text.starts_with('.') {
        return Err("starts with a dot, but it becomes a file name on the node");
    }
    Ok(())
}

fn check_word(text: &str) -> Result<(), &'static str> {
    check_printable(text)?;
    if text.starts_with('-') {
        return Err("starts with '-', which ssh would read as an option");
    }
    if text.chars().any(char::is_whitespace) {
        return Err("has white space");
    }
    Ok(())
}

fn check_user(text: &str) -> Result<(), &'static str> {
    check_word(text)?;
    if text.contains(['/', ':', '@']) {
        return Err("has one of the characters / : @");
    }
    Ok(())
}

fn check_host(text: &str) -> Result<(), &'static str> {
    check_word(text)?;
    if text.contains(['/', '@']) {
        return Err("has one of the characters / @ (a user belongs in sshUser)");
    }
    Ok(())
}

/// Returns an attribute name as one writes it in a TARGET: quoted where it needs to be.
pub fn quoted(name: &str) -> String {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-'".contains(&byte))
        && name
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_never_an_option() {
        assert!("-oProxyCommand=x".parse::<HostName>().is_err());
        assert!("".parse::<HostName>().is_err());
        assert!("root@host".parse::<HostName>().is_err());
        assert!("fd00::1".parse::<HostName>().is_ok());
    }

    #[test]
    fn a_profile_name_is_a_file_name() {
        for bad in ["", "a/b", "..", ".deploy", "a\nb"] {
            assert!(bad.parse::<ProfileName>().is_err(), "{bad:?}");
        }
        assert!("my profile-1.0".parse::<ProfileName>().is_ok());
    }

    #[test]
    fn the_reason_is_in_the_message() {
        let error = "-x".parse::<HostName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "host name \"-x\" starts with '-', which ssh would read as an option"
        );
    }
}
