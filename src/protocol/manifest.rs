//! `deploy.json` in a closure: what `nix/lib.nix` says about the closure's activation program.

use serde::Deserialize;

/// What a closure's activation program is for, and what it understands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    /// The version of this file.
    format_version: u32,
    /// What is activated.
    pub kind: ClosureKind,
    /// What the program does when `DEPLOY_ACTION` names it.
    #[serde(default)]
    actions: Vec<String>,
}

/// What a closure activates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosureKind {
    /// A NixOS system.
    Nixos,
    /// Anything else.
    #[serde(other)]
    Custom,
}

impl Manifest {
    /// Its place in the closure.
    pub const FILE: &str = "deploy.json";
    /// The version that is understood.
    const VERSION: u32 = 1;

    /// Reads a manifest. One that is not understood counts as none: without it a closure is
    /// activated as deploy-rs does.
    pub fn parse(text: &str) -> Option<Self> {
        let manifest: Self = serde_json::from_str(text).ok()?;
        (manifest.format_version == Self::VERSION).then_some(manifest)
    }

    /// Returns whether the target can be tried before the profile and the boot entry are set.
    pub fn has_test_and_boot(&self) -> bool {
        let has = |action: &str| self.actions.iter().any(|one| one == action);
        has("test") && has("boot")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_none() {
        let text = r#"{"format_version": 1, "kind": "nixos", "actions": ["test", "boot"]}"#;
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.kind, ClosureKind::Nixos);
        assert!(manifest.has_test_and_boot());
        let text = r#"{"format_version": 1, "kind": "novelty", "more": 1}"#;
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.kind, ClosureKind::Custom);
        assert!(!manifest.has_test_and_boot());
        for text in ["", "{}", r#"{"format_version": 2, "kind": "nixos"}"#] {
            assert_eq!(Manifest::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in ".*") {
            drop(Manifest::parse(&text));
        }
    }
}
