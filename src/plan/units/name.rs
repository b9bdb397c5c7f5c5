//! Names of units, of their templates, and of mounts.

use std::fmt::Write as _;

use crate::model::text_newtype;

text_newtype!(
    /// The name of a unit, such as `nginx.service`.
    UnitName,
    "unit name",
    check
);

/// The most that systemd takes.
const LENGTH_MAX: usize = 255;

fn check(text: &str) -> Result<(), &'static str> {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || ":-_.\\@".contains(letter);
    if text.is_empty() || text.len() > LENGTH_MAX || text.starts_with('.') {
        return Err("is not one that systemd takes");
    }
    if !text.chars().all(is_allowed) {
        return Err("has characters that systemd does not take");
    }
    match text.rsplit_once('.') {
        Some((_, kind)) if KINDS.contains(&kind) => Ok(()),
        _ => Err("does not end with a kind of unit"),
    }
}

const KINDS: [&str; 11] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

impl UnitName {
    /// Returns what it is: `service`, `socket`, ….
    pub fn kind(&self) -> &str {
        self.as_str().rsplit_once('.').map_or("", |(_, kind)| kind)
    }

    /// Returns the name without its kind.
    pub(super) fn stem(&self) -> &str {
        self.as_str()
            .rsplit_once('.')
            .map_or(self.as_str(), |(stem, _)| stem)
    }

    /// Returns the template that this would be an instance of: `a@.service` for `a@b.service`.
    pub(super) fn template(&self) -> Option<Self> {
        let text = self.as_str();
        let (at, _) = text
            .rmatch_indices('@')
            .find(|(at, _)| text[*at..].contains('.'))?;
        let dot = at + text[at..].find('.')?;
        let template = format!("{}{}", &text[..=at], &text[dot..]);
        (template != text).then(|| template.parse().ok())?
    }

    /// Returns the unit that mounts this path, named as systemd does it.
    pub(super) fn of_mount(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if parts.is_empty() {
            return "-.mount".parse().ok();
        }
        let mut stem = String::new();
        for (position, byte) in parts.join("/").bytes().enumerate() {
            match byte {
                b'/' => stem.push('-'),
                b'.' if position == 0 => stem.push_str("\\x2e"),
                b':' | b'_' | b'.' => stem.push(byte.into()),
                byte if byte.is_ascii_alphanumeric() => stem.push(byte.into()),
                byte => {
                    let _ = write!(stem, "\\x{byte:02x}");
                }
            }
        }
        format!("{stem}.mount").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UnitName {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_no_name() {
        let long = format!("{}.service", "a".repeat(255));
        for text in [
            "",
            "a",
            "a.b",
            "../a.service",
            "a b.service",
            ".service",
            &long,
            "a\n.service",
        ] {
            assert!(text.parse::<UnitName>().is_err(), "{text:?}");
        }
        for text in ["-.mount", "dev-disk-by\\x2dlabel-a.swap", "a@b:c.service"] {
            assert!(text.parse::<UnitName>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn templates() {
        let template = |text: &str| name(text).template().map(|name| name.to_string());
        assert_eq!(template("a@b.service").as_deref(), Some("a@.service"));
        assert_eq!(template("a@b@c.service").as_deref(), Some("a@b@.service"));
        assert_eq!(template("a@b.c.service").as_deref(), Some("a@.c.service"));
        assert_eq!(template("a@.service"), None);
        assert_eq!(template("a.service"), None);
    }

    #[test]
    fn mounts() {
        for (path, expected) in [
            ("/", "-.mount"),
            ("/nix/store/", "nix-store.mount"),
            ("/var//lib/my-data", "var-lib-my\\x2ddata.mount"),
            ("/.snap/a b", "\\x2esnap-a\\x20b.mount"),
        ] {
            assert_eq!(UnitName::of_mount(path).unwrap().as_str(), expected);
        }
    }
}
