//! All options of the flake attribute: where each may stand, and what it takes.
//!
//! The one list of them: the expression that Nix evaluates, the warnings about unknown names,
//! `deploy check` and the published schema are made from it.

use super::kind::Kind;

/// An option of the flake attribute.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlakeOption {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it means, in a few words.
    pub(super) meaning: &'static str,
}

const fn option(name: &'static str, kind: Kind, meaning: &'static str) -> FlakeOption {
    FlakeOption {
        name,
        kind,
        meaning,
    }
}

/// Options that fleet, node and profile may each have.
pub(super) const GENERIC: [FlakeOption; 15] = [
    option("sshUser", Kind::UserName, "The user to log in as"),
    option(
        "user",
        Kind::UserName,
        "The user that the profile belongs to",
    ),
    option(
        "sshOpts",
        Kind::Texts,
        "Options for ssh; those of profile, node and fleet are appended",
    ),
    option(
        "fastConnection",
        Kind::Truth,
        "Copy everything instead of letting the node substitute",
    ),
    option(
        "autoRollback",
        Kind::Truth,
        "Go back when an activation fails",
    ),
    option(
        "magicRollback",
        Kind::Truth,
        "Go back when the node cannot be reached after an activation",
    ),
    option(
        "tempPath",
        Kind::AbsolutePath,
        "Folder on the node for the confirmation",
    ),
    option(
        "sudo",
        Kind::Text,
        "The command that takes a user and a command, used where user is not sshUser",
    ),
    option(
        "interactiveSudo",
        Kind::Truth,
        "Ask for the password of sudo",
    ),
    option("remoteBuild", Kind::Truth, "Build on the node"),
    option(
        "activationTimeout",
        Kind::Seconds,
        "Most seconds that an activation may take",
    ),
    option(
        "confirmTimeout",
        Kind::Seconds,
        "Seconds that an activation waits for its confirmation",
    ),
    option(
        "onDegraded",
        Kind::Choice(&["rollback", "keep"]),
        "What to do when a NixOS activation ends with failed units",
    ),
    option(
        "confirmHostname",
        Kind::HostName,
        "Another name or address, which the node may have after an activation",
    ),
    option(
        "confirmSshOpts",
        Kind::Texts,
        "Options for ssh that go before sshOpts after an activation",
    ),
];

/// Options that only the fleet has.
pub(super) const FLEET: [FlakeOption; 1] = [option("nodes", Kind::Nodes, "The nodes by name")];

/// Options that only a node has.
pub(super) const NODE: [FlakeOption; 5] = [
    option(
        "hostname",
        Kind::HostName,
        "The host name or address of the node",
    ),
    option(
        "profilesOrder",
        Kind::Names,
        "The profiles that are activated first, in this order",
    ),
    option("profiles", Kind::Profiles, "The profiles by name"),
    option(
        "dependsOn",
        Kind::Names,
        "The nodes whose activations come before those of this node",
    ),
    option(
        "local",
        Kind::Truth,
        "The node is the operator's own machine, and needs no ssh",
    ),
];

/// Options that only a profile has.
pub(super) const PROFILE: [FlakeOption; 2] = [
    option("path", Kind::Closure, "What the profile shall be"),
    option("profilePath", Kind::AbsolutePath, "Where its link lies"),
];

/// Returns the options that are known at a level with `own` options.
pub(super) fn at(own: &'static [FlakeOption]) -> impl Iterator<Item = &'static FlakeOption> {
    const GENERIC: &[FlakeOption] = &self::GENERIC;
    own.iter().chain(GENERIC)
}

/// Returns all option names that are known at a level with `own` options.
pub(super) fn known(own: &'static [FlakeOption]) -> Vec<&'static str> {
    at(own).map(|option| option.name).collect()
}
