//! What of a NixOS system only a reboot changes, and how two systems differ in that.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parts that are links into the store: the running boot goes on using the old ones.
pub const LINKED_PARTS: [&str; 4] = ["initrd", "kernel", "kernel-modules", "systemd"];
/// The parts that are texts: systems in which they differ refuse to be switched to.
pub const TEXT_PARTS: [&str; 2] = ["init-interface-version", "switch-inhibitors"];

/// The parts of a system, by name: what a link resolves to, or what a text says. Empty for what is
/// no NixOS system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemParts(BTreeMap<String, String>);

impl SystemParts {
    /// Adds a part; nothing where there is no such part, or none of that name is known.
    pub fn insert(&mut self, name: &str, value: &str) {
        let is_known = LINKED_PARTS.contains(&name) || TEXT_PARTS.contains(&name);
        let value = value.trim();
        if is_known && !value.is_empty() {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Returns what a reboot is needed for, when the node was booted with `booted` and gets this
    /// system. A part that one of the two lacks cannot be compared.
    pub fn differences(&self, booted: &Self) -> Vec<String> {
        let both = self
            .0
            .iter()
            .filter_map(|(name, after)| Some((name, booted.0.get(name)?, after)));
        both.filter(|(_, before, after)| before != after)
            .map(|(name, before, after)| describe(name, before, after))
            .collect()
    }
}

fn describe(name: &str, before: &str, after: &str) -> String {
    match (store_name(before), store_name(after)) {
        (Some(before), Some(after)) if before == after => {
            format!("{name} (another build of {after})")
        }
        (Some(before), Some(after)) => format!("{name} {before} -> {after}"),
        _ if name == "init-interface-version" => format!("{name} {before} -> {after}"),
        _ => name.to_owned(),
    }
}

/// Returns the name in `/nix/store/<hash>-<name>/…`.
fn store_name(path: &str) -> Option<&str> {
    let base = path.strip_prefix("/nix/store/")?.split('/').next()?;
    base.split_once('-').map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(kernel: &str, more: &[(&str, &str)]) -> SystemParts {
        let mut parts = SystemParts::default();
        parts.insert("kernel", &format!("/nix/store/{kernel}/bzImage"));
        for (name, value) in more {
            parts.insert(name, value);
        }
        parts
    }

    #[test]
    fn what_a_reboot_is_needed_for() {
        let booted = parts("a-linux-6.6.30", &[("init-interface-version", "1\n")]);
        for (after, expected) in [
            (booted.clone(), &[][..]),
            (SystemParts::default(), &[]),
            (
                parts("b-linux-6.6.31", &[]),
                &["kernel linux-6.6.30 -> linux-6.6.31"],
            ),
            (
                parts("b-linux-6.6.30", &[("init-interface-version", "2")]),
                &[
                    "init-interface-version 1 -> 2",
                    "kernel (another build of linux-6.6.30)",
                ],
            ),
            (parts("a-linux-6.6.30", &[("switch-inhibitors", "{}")]), &[]),
            (parts("a-linux-6.6.30", &[("etc", "anything")]), &[]),
        ] {
            assert_eq!(after.differences(&booted), expected);
        }
        let inhibited = parts("a-linux-6.6.30", &[("switch-inhibitors", "{\"dbus\":1}")]);
        let other = parts("a-linux-6.6.30", &[("switch-inhibitors", "{\"dbus\":2}")]);
        assert_eq!(inhibited.differences(&other), ["switch-inhibitors"]);
    }
}
