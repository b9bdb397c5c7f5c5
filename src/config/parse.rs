//! From what Nix printed to the checked fleet.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::ConfigError;
use super::fleet::{Fleet, FleetNode, FleetProfile, ProfileLocation, TargetPath, Targets};
use super::options;
use super::selection::{NodeSelection, Selection};
use super::suggest::nearest;
use crate::model::{
    AbsolutePath, CONFIRM_TIMEOUT_SECONDS, Connection, FlagSettings, HostName, NodeName,
    ProfileName, ProfileSettings, Settings, StorePath, UserName, quoted,
};

/// What is the same for every node of one flake.
#[derive(Debug, Clone)]
pub struct ParseContext<'a> {
    /// The flake, and what was selected from it.
    pub selection: &'a Selection,
    /// What the command line overrides.
    pub flags: &'a FlagSettings,
    /// The operator's own login name, the default of `sshUser`.
    pub login: &'a UserName,
}

/// Everything that the expression evaluates to.
#[derive(Debug, Deserialize)]
pub struct Evaluation {
    /// The settings.
    pub settings: RawSettings,
    targets: BTreeMap<String, BTreeMap<String, RawTarget>>,
}

/// The settings, as they are also traced before any path is forced.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawSettings {
    fleet: Level,
    nodes_type: Option<String>,
    node_names: Vec<String>,
    nodes: BTreeMap<String, RawNode>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Level {
    r#type: String,
    options: BTreeMap<String, Described>,
    unknown: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawNode {
    r#type: String,
    options: BTreeMap<String, Described>,
    unknown: Vec<String>,
    profiles_type: Option<String>,
    profile_names: Vec<String>,
    profiles: BTreeMap<String, Level>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Described {
    r#type: String,
    value: serde_json::Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTarget {
    r#type: Option<String>,
    #[serde(default)]
    derivations: Vec<String>,
    out_path: Option<String>,
    drv_path: Option<String>,
}

impl Described {
    /// Returns the value for a message: its kind, and itself where that is short.
    fn found(&self) -> String {
        match self.r#type.as_str() {
            "list" | "int" | "bool" | "string" => format!("{} {}", kind(&self.r#type), self.value),
            other => kind(other),
        }
    }
}

/// Returns the words for what `builtins.typeOf` calls a type.
fn kind(nix_type: &str) -> String {
    match nix_type {
        "lambda" => "a function".to_owned(),
        "null" => "null".to_owned(),
        "set" => "an attribute set".to_owned(),
        "list" => "the list".to_owned(),
        "int" => "the number".to_owned(),
        "bool" => "the truth value".to_owned(),
        "string" => "the text".to_owned(),
        other => format!("a value of type {other}"),
    }
}

/// One level's options, and where they stand, for messages.
struct Reader<'a> {
    flake: &'a str,
    place: String,
    options: &'a BTreeMap<String, Described>,
}

impl Reader<'_> {
    fn place(&self, option: &str) -> String {
        format!("{}.{option}", self.place)
    }

    /// Returns the option's value, none where it is not given or null.
    fn get<T: DeserializeOwned>(
        &self,
        option: &str,
        expected: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(described) = self
            .options
            .get(option)
            .filter(|described| described.r#type != "null")
        else {
            return Ok(None);
        };
        serde_json::from_value(described.value.clone())
            .map(Some)
            .map_err(|_| ConfigError::WrongType {
                flake: self.flake.to_owned(),
                place: self.place(option),
                expected,
                found: described.found(),
            })
    }

    /// Like [`Self::get`], for text that must pass the check of its type.
    fn checked<T>(&self, option: &str) -> Result<Option<T>, ConfigError>
    where
        T: TryFrom<String, Error = crate::model::InvalidText>,
    {
        self.get::<String>(option, "a text")?
            .map(T::try_from)
            .transpose()
            .map_err(|source| ConfigError::BadValue {
                flake: self.flake.to_owned(),
                place: self.place(option),
                source,
            })
    }

    fn settings(&self) -> Result<Settings, ConfigError> {
        const SECONDS: &str = "a number of seconds";
        const TRUTH: &str = "true or false";
        Ok(Settings {
            ssh_user: self.checked("sshUser")?,
            user: self.checked("user")?,
            ssh_opts: self.get("sshOpts", "a list of texts")?.unwrap_or_default(),
            fast_connection: self.get("fastConnection", TRUTH)?,
            auto_rollback: self.get("autoRollback", TRUTH)?,
            magic_rollback: self.get("magicRollback", TRUTH)?,
            temp_path: self.checked("tempPath")?,
            sudo: self.get("sudo", "a text")?,
            interactive_sudo: self.get("interactiveSudo", TRUTH)?,
            remote_build: self.get("remoteBuild", TRUTH)?,
            activation_timeout: self.get("activationTimeout", SECONDS)?,
            confirm_timeout: self.get("confirmTimeout", SECONDS)?,
        })
    }
}

/// Returns the checked fleet that these settings describe.
pub fn parse_fleet(raw: &RawSettings, context: &ParseContext<'_>) -> Result<Fleet, ConfigError> {
    let flake = context.selection.flake.as_str();
    check_set(flake, "deploy", Some(&raw.fleet.r#type))?;
    check_set(flake, "deploy.nodes", raw.nodes_type.as_deref())?;
    check_selection(raw, context.selection)?;
    let mut warnings = unknown_options(
        "deploy",
        &raw.fleet.unknown,
        &options::known(&options::FLEET),
    );
    let fleet = Reader {
        flake,
        place: "deploy".to_owned(),
        options: &raw.fleet.options,
    }
    .settings()?;
    let mut nodes = Vec::new();
    for (name, node) in &raw.nodes {
        nodes.push(parse_node(name, node, raw, &fleet, context, &mut warnings)?);
    }
    nodes.retain(|node| !node.profiles.is_empty());
    if nodes.is_empty() {
        let help = format!("its nodes are: {}", names(&raw.node_names));
        return Err(ConfigError::NothingSelected {
            flake: flake.to_owned(),
            help,
        });
    }
    let node_names = raw
        .node_names
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    Ok(Fleet {
        nodes,
        node_names,
        warnings,
    })
}

fn parse_node(
    name: &str,
    node: &RawNode,
    raw: &RawSettings,
    fleet: &Settings,
    context: &ParseContext<'_>,
    warnings: &mut Vec<String>,
) -> Result<FleetNode, ConfigError> {
    let flake = context.selection.flake.as_str();
    let place = format!("deploy.nodes.{}", quoted(name));
    check_set(flake, &place, Some(&node.r#type))?;
    check_set(
        flake,
        &format!("{place}.profiles"),
        node.profiles_type.as_deref(),
    )?;
    warnings.extend(unknown_options(
        &place,
        &node.unknown,
        &options::known(&options::NODE),
    ));
    let reader = Reader {
        flake,
        place: place.clone(),
        options: &node.options,
    };
    let name = check_name::<NodeName>(flake, "deploy.nodes", name)?;
    let hostname = match &context.flags.hostname {
        Some(hostname) => hostname.clone(),
        None => reader
            .checked("hostname")?
            .ok_or_else(|| missing_hostname(flake, &place))?,
    };
    let depends_on = references(
        &reader,
        "dependsOn",
        &raw.node_names,
        "a list of node names",
    )?;
    let order = references(
        &reader,
        "profilesOrder",
        &node.profile_names,
        "a list of profile names",
    )?;
    let settings = reader.settings()?;
    let mut profiles = Vec::new();
    for (profile_name, profile) in sorted_by_order(&node.profiles, &order) {
        let place = format!("{place}.profiles.{}", quoted(profile_name));
        check_set(flake, &place, Some(&profile.r#type))?;
        warnings.extend(unknown_options(
            &place,
            &profile.unknown,
            &options::known(&options::PROFILE),
        ));
        let reader = Reader {
            flake,
            place,
            options: &profile.options,
        };
        let merged = Settings::merge(context.flags, &reader.settings()?, &settings, fleet);
        profiles.push(parse_profile(
            profile_name,
            &reader,
            merged,
            &hostname,
            context,
        )?);
    }
    let depends_on = depends_on
        .iter()
        .map(|name| check_name(flake, &reader.place("dependsOn"), name));
    Ok(FleetNode {
        name,
        depends_on: depends_on.collect::<Result<_, _>>()?,
        hostname,
        profiles,
    })
}

fn parse_profile(
    name: &str,
    reader: &Reader<'_>,
    merged: Settings,
    hostname: &HostName,
    context: &ParseContext<'_>,
) -> Result<FleetProfile, ConfigError> {
    let flake = reader.flake;
    let Some(user) = merged.user.clone().or_else(|| merged.ssh_user.clone()) else {
        return Err(ConfigError::NoUser {
            flake: flake.to_owned(),
            place: reader.place.clone(),
        });
    };
    let ssh_user = merged
        .ssh_user
        .clone()
        .unwrap_or_else(|| context.login.clone());
    refuse_unsupported(reader, &merged)?;
    let sudo = (user != ssh_user)
        .then(|| sudo_words(reader, merged.sudo.as_deref(), &user))
        .transpose()?;
    let location = reader.checked::<AbsolutePath>("profilePath")?;
    Ok(FleetProfile {
        name: check_name::<ProfileName>(flake, &reader.place, name)?,
        user,
        connection: Connection {
            ssh_user,
            hostname: hostname.clone(),
            ssh_opts: merged.ssh_opts.clone(),
        },
        location: location.map_or(ProfileLocation::UserFolder, ProfileLocation::Path),
        settings: in_force(merged, sudo),
    })
}

fn in_force(merged: Settings, sudo: Option<Vec<String>>) -> ProfileSettings {
    ProfileSettings {
        fast_connection: merged.fast_connection.unwrap_or(false),
        auto_rollback: merged.auto_rollback.unwrap_or(true),
        magic_rollback: merged.magic_rollback.unwrap_or(true),
        temp_path: merged.temp_path,
        sudo,
        interactive_sudo: merged.interactive_sudo.unwrap_or(false),
        remote_build: merged.remote_build.unwrap_or(false),
        activation_timeout: merged.activation_timeout,
        confirm_timeout: merged.confirm_timeout.unwrap_or(CONFIRM_TIMEOUT_SECONDS),
    }
}

/// Options whose full behaviour is not there yet are refused, never ignored.
fn refuse_unsupported(reader: &Reader<'_>, merged: &Settings) -> Result<(), ConfigError> {
    let refuse = |option: &str, help| {
        Err(ConfigError::NotSupported {
            flake: reader.flake.to_owned(),
            place: reader.place(option),
            help,
        })
    };
    if merged.remote_build == Some(true) {
        return refuse(
            "remoteBuild",
            "build here (`--remote-build false`), or on a remote builder of Nix",
        );
    }
    if merged.interactive_sudo == Some(true) {
        return refuse(
            "interactiveSudo",
            "let sudo run without a password for `sshUser`, or log in as the profile's user",
        );
    }
    Ok(())
}

/// Returns the words of the sudo command up to and with the user's name.
fn sudo_words(
    reader: &Reader<'_>,
    sudo: Option<&str>,
    user: &UserName,
) -> Result<Vec<String>, ConfigError> {
    let mut words = match sudo {
        // Without -n, a sudo that wants a password would wait for a terminal that is not there.
        None => vec!["sudo".to_owned(), "-n".to_owned(), "-u".to_owned()],
        Some(text) => shlex::split(text)
            .filter(|words| !words.is_empty())
            .ok_or_else(|| ConfigError::WrongType {
                flake: reader.flake.to_owned(),
                place: reader.place("sudo"),
                expected: "a command line such as \"sudo -u\"",
                found: format!("the text {text:?}"),
            })?,
    };
    words.push(user.to_string());
    Ok(words)
}

/// Returns the targets of all selected profiles.
pub fn parse_targets(evaluation: &Evaluation, flake: &str) -> Result<Targets, ConfigError> {
    let mut targets = Targets::new();
    for (node, profiles) in &evaluation.targets {
        for (profile, raw) in profiles {
            let place = format!("deploy.nodes.{}.profiles.{}", quoted(node), quoted(profile));
            let key = (
                check_name(flake, &place, node)?,
                check_name(flake, &place, profile)?,
            );
            targets.insert(key, parse_target(raw, flake, &place)?);
        }
    }
    Ok(targets)
}

fn parse_target(raw: &RawTarget, flake: &str, place: &str) -> Result<TargetPath, ConfigError> {
    let option = format!("{place}.path");
    let bad = |source| ConfigError::BadValue {
        flake: flake.to_owned(),
        place: option.clone(),
        source,
    };
    match (&raw.r#type, &raw.out_path) {
        (None, _) => {
            let help = format!("add `{option} = <a derivation with an activation>;`");
            Err(ConfigError::MissingOption {
                flake: flake.to_owned(),
                place: place.to_owned(),
                option: "path",
                help,
            })
        }
        (Some(found), None) => Err(ConfigError::WrongType {
            flake: flake.to_owned(),
            place: option,
            expected: "a derivation or a store path",
            found: format!("a value of type {found}"),
        }),
        (Some(_), Some(path)) => {
            let path = StorePath::try_from(path.clone()).map_err(bad)?;
            let drv_path = derivation_of(raw, &path)
                .map(StorePath::try_from)
                .transpose()
                .map_err(bad)?;
            Ok(TargetPath { path, drv_path })
        }
    }
}

/// A text may mention several derivations; the one that builds it has its name.
fn derivation_of(raw: &RawTarget, path: &StorePath) -> Option<String> {
    let same_name = |drv: &&String| {
        drv.strip_suffix(".drv")
            .is_some_and(|drv| drv.ends_with(&format!("-{}", path.name())))
    };
    raw.drv_path
        .clone()
        .or_else(|| match raw.derivations.as_slice() {
            [only] => Some(only.clone()),
            several => several.iter().find(same_name).cloned(),
        })
}

fn sorted_by_order<'a>(
    profiles: &'a BTreeMap<String, Level>,
    order: &[String],
) -> Vec<(&'a str, &'a Level)> {
    let mut sorted: Vec<_> = profiles
        .iter()
        .map(|(name, level)| (name.as_str(), level))
        .collect();
    // Stable: profiles that are not in the list stay sorted by name behind it.
    sorted.sort_by_key(|(name, _)| {
        order
            .iter()
            .position(|ordered| ordered == name)
            .unwrap_or(usize::MAX)
    });
    sorted
}

fn references(
    reader: &Reader<'_>,
    option: &str,
    known: &[String],
    expected: &'static str,
) -> Result<Vec<String>, ConfigError> {
    let listed: Vec<String> = reader.get(option, expected)?.unwrap_or_default();
    match listed.iter().find(|name| !known.contains(name)) {
        None => Ok(listed),
        Some(name) => Err(ConfigError::UnknownReference {
            flake: reader.flake.to_owned(),
            place: reader.place(option),
            name: name.clone(),
            help: suggestion(name, known),
        }),
    }
}

fn check_set(flake: &str, place: &str, found: Option<&str>) -> Result<(), ConfigError> {
    match found {
        Some("set") => Ok(()),
        Some(found) => Err(ConfigError::NotASet {
            flake: flake.to_owned(),
            place: place.to_owned(),
            found: format!("of type {found}"),
        }),
        None => Err(ConfigError::NotASet {
            flake: flake.to_owned(),
            place: place.to_owned(),
            found: "missing".into(),
        }),
    }
}

fn check_selection(raw: &RawSettings, selection: &Selection) -> Result<(), ConfigError> {
    let not_found = |kind, name: &str, known: &[String]| ConfigError::NotFound {
        flake: selection.flake.clone(),
        kind,
        name: name.to_owned(),
        help: suggestion(name, known),
    };
    for (node, wanted) in selection.nodes.iter().flatten().chain(&selection.excluded) {
        let name = node.as_str();
        if !raw.node_names.iter().any(|known| known == name) {
            return Err(not_found("node", name, &raw.node_names));
        }
        let (NodeSelection::Profiles(profiles), Some(node)) = (wanted, raw.nodes.get(name)) else {
            continue;
        };
        if let Some(profile) = profiles.iter().find(|profile| {
            !node
                .profile_names
                .iter()
                .any(|known| known == profile.as_str())
        }) {
            let full = format!("{}.{}", quoted(name), quoted(profile.as_str()));
            return Err(ConfigError::NotFound {
                flake: selection.flake.clone(),
                kind: "profile",
                name: full,
                help: suggestion(profile.as_str(), &node.profile_names),
            });
        }
    }
    Ok(())
}

fn check_name<T>(flake: &str, place: &str, name: &str) -> Result<T, ConfigError>
where
    T: TryFrom<String, Error = crate::model::InvalidText>,
{
    T::try_from(name.to_owned()).map_err(|source| ConfigError::BadValue {
        flake: flake.to_owned(),
        place: place.to_owned(),
        source,
    })
}

fn unknown_options(place: &str, unknown: &[String], known: &[&str]) -> Vec<String> {
    let describe = |name: &String| {
        let hint = nearest(name, known.iter().copied())
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        format!("`{place}` has an unknown option `{name}`, which has no effect{hint}")
    };
    unknown.iter().map(describe).collect()
}

fn suggestion(name: &str, known: &[String]) -> String {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? There are: {}", names(known)),
        None => format!("there are: {}", names(known)),
    }
}

fn names(names: &[String]) -> String {
    const SHOWN: usize = 12;
    match names {
        [] => "none".to_owned(),
        names if names.len() <= SHOWN => names.join(", "),
        names => format!(
            "{} and {} more",
            names[..SHOWN].join(", "),
            names.len() - SHOWN
        ),
    }
}

fn missing_hostname(flake: &str, place: &str) -> ConfigError {
    ConfigError::MissingOption {
        flake: flake.to_owned(),
        place: place.to_owned(),
        option: "hostname",
        help: format!("add `{place}.hostname = \"<host name or address>\";`, or give --hostname"),
    }
}
