//! The names of all options of the flake attribute, and where each may stand.

/// Options that fleet, node and profile may each have.
pub(super) const GENERIC: [&str; 15] = [
    "sshUser",
    "user",
    "sshOpts",
    "fastConnection",
    "autoRollback",
    "magicRollback",
    "tempPath",
    "sudo",
    "interactiveSudo",
    "remoteBuild",
    "activationTimeout",
    "confirmTimeout",
    "onDegraded",
    "confirmHostname",
    "confirmSshOpts",
];

/// Options that only the fleet has.
pub(super) const FLEET: [&str; 1] = ["nodes"];

/// Options that only a node has.
pub(super) const NODE: [&str; 5] = [
    "hostname",
    "profilesOrder",
    "profiles",
    "dependsOn",
    "local",
];

/// Options that only a profile has.
pub(super) const PROFILE: [&str; 2] = ["path", "profilePath"];

/// Returns all option names that are known at a level with `own` options.
pub(super) fn known(own: &[&'static str]) -> Vec<&'static str> {
    own.iter().chain(GENERIC.iter()).copied().collect()
}
