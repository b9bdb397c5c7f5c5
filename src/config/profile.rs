//! One profile: its user, its connection and its settings.

use super::check::check_name;
use super::error::ConfigError;
use super::fleet::{FleetProfile, ProfileLocation};
use super::parse_context::ParseContext;
use super::reader::Reader;
use crate::model::{
    AbsolutePath, CONFIRM_TIMEOUT_SECONDS, Connection, HostName, ProfileName, ProfileSettings,
    Settings, UserName, sudo,
};

/// Returns a profile with the settings in force.
pub(super) fn parse_profile(
    name: &str,
    reader: &Reader<'_>,
    mut merged: Settings,
    (hostname, local): (&HostName, Option<bool>),
    context: &ParseContext<'_>,
) -> Result<FleetProfile, ConfigError> {
    let origin = reader.origin;
    let Some(user) = merged.user.clone().or_else(|| merged.ssh_user.clone()) else {
        return Err(ConfigError::NoUser {
            origin: origin.clone(),
            place: reader.place.clone(),
        });
    };
    let mut ssh_user = merged
        .ssh_user
        .clone()
        .unwrap_or_else(|| context.login.clone());
    let is_own_login = ssh_user == *context.login && merged.ssh_opts.is_empty();
    let local = local.unwrap_or_else(|| is_own_login && is_loopback(hostname));
    if local {
        // Nobody logs in: whatever is done is done as the operator, or through sudo.
        ssh_user.clone_from(context.login);
        // Its store is this one: what is built here is built there.
        merged.remote_build = None;
    }
    let sudo = (user != ssh_user)
        .then(|| sudo_words(reader, merged.sudo.as_deref(), &user))
        .transpose()?;
    let interactive_sudo = sudo.is_some() && merged.interactive_sudo == Some(true);
    if interactive_sudo {
        check_asks(reader, sudo.as_deref().unwrap_or_default())?;
    }
    let location = reader.checked::<AbsolutePath>("profilePath")?;
    let connection = Connection {
        ssh_user,
        hostname: hostname.clone(),
        ssh_opts: merged.ssh_opts.clone(),
        local,
    };
    let other = confirm_connection(&connection, &merged);
    Ok(FleetProfile {
        name: check_name::<ProfileName>(origin, &reader.place, name)?,
        user,
        connection,
        location: location.map_or(ProfileLocation::UserFolder, ProfileLocation::Path),
        settings: in_force(merged, (sudo, interactive_sudo), other),
    })
}

/// Returns whether this is a name of the machine on which it is read.
fn is_loopback(hostname: &HostName) -> bool {
    ["localhost", "127.0.0.1", "::1"].contains(&hostname.as_str())
}

/// Returns where the node is looked for after an activation that moves it. ssh takes the first of
/// its options, so that these override the others.
fn confirm_connection(connection: &Connection, merged: &Settings) -> Option<Connection> {
    let (hostname, ssh_opts) = (&merged.confirm_hostname, &merged.confirm_ssh_opts);
    let is_moved = hostname.is_some() || !ssh_opts.is_empty();
    (is_moved && !connection.local).then(|| Connection {
        ssh_user: connection.ssh_user.clone(),
        hostname: hostname.as_ref().unwrap_or(&connection.hostname).clone(),
        ssh_opts: [ssh_opts.as_slice(), &connection.ssh_opts].concat(),
        local: false,
    })
}

fn in_force(
    merged: Settings,
    (sudo, interactive_sudo): (Option<Vec<String>>, bool),
    confirm_connection: Option<Connection>,
) -> ProfileSettings {
    ProfileSettings {
        fast_connection: merged.fast_connection.unwrap_or(false),
        auto_rollback: merged.auto_rollback.unwrap_or(true),
        magic_rollback: merged.magic_rollback.unwrap_or(true),
        temp_path: merged.temp_path,
        sudo,
        interactive_sudo,
        remote_build: merged.remote_build.unwrap_or(false),
        activation_timeout: merged.activation_timeout,
        confirm_timeout: merged.confirm_timeout.unwrap_or(CONFIRM_TIMEOUT_SECONDS),
        on_degraded: merged.on_degraded.unwrap_or_default(),
        confirm_connection,
    }
}

/// Refuses to send a password to a program that is not known to ask for one on standard input.
fn check_asks(reader: &Reader<'_>, words: &[String]) -> Result<(), ConfigError> {
    if sudo::asking(words, "").is_some() {
        return Ok(());
    }
    Err(ConfigError::NotSupported {
        origin: reader.origin.clone(),
        place: format!(
            "{} with `{}`",
            reader.place("interactiveSudo"),
            words.join(" ")
        ),
        help: "only sudo asks on standard input; let the other program run without a password, or use sudo",
    })
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
                origin: reader.origin.clone(),
                place: reader.place("sudo"),
                expected: "a command line such as \"sudo -u\"",
                found: format!("the text {text:?}"),
            })?,
    };
    words.push(user.to_string());
    Ok(words)
}
