//! The settings that fleet, node, profile and flags may each give, and how they are merged.

use serde::{Deserialize, Serialize};

use super::{AbsolutePath, Connection, HostName, InvalidText, UserName};

/// What becomes of an activation after which some units have failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnDegraded {
    /// It goes back.
    #[default]
    Rollback,
    /// It stays, and is told as degraded.
    Keep,
}

impl std::str::FromStr for OnDegraded {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rollback" => Ok(Self::Rollback),
            "keep" => Ok(Self::Keep),
            _ => Err(InvalidText {
                what: "action on failed units",
                text: text.to_owned(),
                reason: "is neither `rollback` nor `keep`",
            }),
        }
    }
}

/// The generic options of one level of the flake: fleet, node or profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The user to log in as.
    pub ssh_user: Option<UserName>,
    /// The user that the profile belongs to.
    pub user: Option<UserName>,
    /// Arguments for ssh; those of the levels are appended.
    pub ssh_opts: Vec<String>,
    /// Copy everything from here instead of letting the node substitute.
    pub fast_connection: Option<bool>,
    /// Go back when the activation fails.
    pub auto_rollback: Option<bool>,
    /// Go back when the node cannot be reached after the activation.
    pub magic_rollback: Option<bool>,
    /// Folder for the confirmation on the node.
    pub temp_path: Option<AbsolutePath>,
    /// The command that takes a user's name and a command to run as that user.
    pub sudo: Option<String>,
    /// Ask for the sudo password.
    pub interactive_sudo: Option<bool>,
    /// Build on the node.
    pub remote_build: Option<bool>,
    /// Most seconds that an activation may take.
    pub activation_timeout: Option<u64>,
    /// Seconds that an activation waits for its confirmation.
    pub confirm_timeout: Option<u64>,
    /// What to do when some units have failed.
    pub on_degraded: Option<OnDegraded>,
    /// Another host name or address of the node, which it may have after the activation.
    pub confirm_hostname: Option<HostName>,
    /// Arguments for ssh that go before the others after the activation; those of the levels are
    /// appended.
    pub confirm_ssh_opts: Vec<String>,
}

/// What the command line overrides, for every selected profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlagSettings {
    /// Overrides of single options; its `ssh_opts` are not used.
    pub settings: Settings,
    /// Replaces the `sshOpts` of all levels.
    pub ssh_opts: Option<Vec<String>>,
    /// Replaces the `hostname` of the node.
    pub hostname: Option<HostName>,
}

/// Seconds an activation waits for its confirmation where nothing else is set, as in deploy-rs.
pub const CONFIRM_TIMEOUT_SECONDS: u64 = 30;

/// The settings of one profile that an activation needs, with nothing left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own in the flake"
)]
pub struct ProfileSettings {
    /// Copy everything from here instead of letting the node substitute.
    pub fast_connection: bool,
    /// Go back when the activation fails.
    pub auto_rollback: bool,
    /// Go back when the node cannot be reached after the activation.
    pub magic_rollback: bool,
    /// Folder for the confirmation on the node; beside the profile where absent.
    pub temp_path: Option<AbsolutePath>,
    /// The words of the sudo command up to the user's name; absent where no sudo is needed.
    pub sudo: Option<Vec<String>>,
    /// Ask for the sudo password.
    pub interactive_sudo: bool,
    /// Build on the node.
    pub remote_build: bool,
    /// Most seconds that an activation may take; no limit where absent.
    pub activation_timeout: Option<u64>,
    /// Seconds that an activation waits for its confirmation.
    pub confirm_timeout: u64,
    /// What to do when some units have failed.
    #[serde(default)]
    pub on_degraded: OnDegraded,
    /// Where the node is looked for after the activation, beside its own address.
    #[serde(default)]
    pub confirm_connection: Option<Connection>,
}

impl Settings {
    /// Returns the settings in force for a profile: flag over profile over node over fleet, with
    /// the `sshOpts` of profile, node and fleet appended in that order unless a flag replaces them.
    pub fn merge(flags: &FlagSettings, profile: &Self, node: &Self, fleet: &Self) -> Self {
        let levels = [&flags.settings, profile, node, fleet];
        let appended = |options: fn(&Self) -> &Vec<String>| {
            let levels = [profile, node, fleet].into_iter();
            levels.flat_map(options).cloned().collect()
        };
        Self {
            ssh_user: first(levels, |level| level.ssh_user.clone()),
            user: first(levels, |level| level.user.clone()),
            ssh_opts: match &flags.ssh_opts {
                Some(replacement) => replacement.clone(),
                None => appended(|level| &level.ssh_opts),
            },
            fast_connection: first(levels, |level| level.fast_connection),
            auto_rollback: first(levels, |level| level.auto_rollback),
            magic_rollback: first(levels, |level| level.magic_rollback),
            temp_path: first(levels, |level| level.temp_path.clone()),
            sudo: first(levels, |level| level.sudo.clone()),
            interactive_sudo: first(levels, |level| level.interactive_sudo),
            remote_build: first(levels, |level| level.remote_build),
            activation_timeout: first(levels, |level| level.activation_timeout),
            confirm_timeout: first(levels, |level| level.confirm_timeout),
            on_degraded: first(levels, |level| level.on_degraded),
            confirm_hostname: first(levels, |level| level.confirm_hostname.clone()),
            confirm_ssh_opts: appended(|level| &level.confirm_ssh_opts),
        }
    }
}

fn first<T>(levels: [&Settings; 4], get: impl Fn(&Settings) -> Option<T>) -> Option<T> {
    levels.into_iter().find_map(get)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(confirm_timeout: Option<u64>, ssh_opts: &[&str]) -> Settings {
        Settings {
            confirm_timeout,
            ssh_opts: ssh_opts.iter().map(ToString::to_string).collect(),
            ..Settings::default()
        }
    }

    #[test]
    fn the_nearest_level_wins() {
        let flags = FlagSettings {
            settings: level(Some(1), &[]),
            ..FlagSettings::default()
        };
        let none = FlagSettings::default();
        let (profile, node, fleet) = (
            level(Some(2), &[]),
            level(Some(3), &[]),
            level(Some(4), &[]),
        );
        let unset = Settings::default();
        let table = [
            (&flags, &profile, &node, &fleet, Some(1)),
            (&none, &profile, &node, &fleet, Some(2)),
            (&none, &unset, &node, &fleet, Some(3)),
            (&none, &unset, &unset, &fleet, Some(4)),
            (&none, &unset, &unset, &unset, None),
        ];
        for (flags, profile, node, fleet, expected) in table {
            assert_eq!(
                Settings::merge(flags, profile, node, fleet).confirm_timeout,
                expected
            );
        }
    }

    #[test]
    fn ssh_opts_are_appended_and_a_flag_replaces_them_all() {
        let (profile, node, fleet) = (
            level(None, &["-p"]),
            level(None, &["-n"]),
            level(None, &["-f"]),
        );
        let merged = Settings::merge(&FlagSettings::default(), &profile, &node, &fleet);
        assert_eq!(merged.ssh_opts, ["-p", "-n", "-f"]);
        let flags = FlagSettings {
            ssh_opts: Some(vec!["-x".into()]),
            ..FlagSettings::default()
        };
        assert_eq!(
            Settings::merge(&flags, &profile, &node, &fleet).ssh_opts,
            ["-x"]
        );
    }

    proptest::proptest! {
        #[test]
        fn a_set_flag_always_wins(flag: bool, profile: Option<bool>, node: Option<bool>, fleet: Option<bool>) {
            let with = |value| Settings { magic_rollback: value, ..Settings::default() };
            let flags = FlagSettings { settings: with(Some(flag)), ..FlagSettings::default() };
            let merged = Settings::merge(&flags, &with(profile), &with(node), &with(fleet));
            proptest::prop_assert_eq!(merged.magic_rollback, Some(flag));
            let merged = Settings::merge(&FlagSettings::default(), &with(profile), &with(node), &with(fleet));
            proptest::prop_assert_eq!(merged.magic_rollback, profile.or(node).or(fleet));
        }
    }
}
