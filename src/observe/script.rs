//! The scripts that run on the node, and the words they get.

use std::collections::BTreeSet;

use crate::config::{FleetProfile, ProfileLocation};
use crate::model::{StorePath, sudo};
use crate::plan::{FILES_MAX, TREE_FILE_MAX, root_profile};
use crate::protocol::PROTOCOL_VERSION;
use crate::ssh::quote_words;

const OBSERVE: &str = include_str!("script.sh");
const CLOSURES: &str = include_str!("closures.sh");
const FILES: &str = include_str!("files.sh");

/// The most bytes of texts of files that one answer holds.
const TEXTS_MAX: u64 = 8 << 20;

/// Returns the remote command that reads a node and these profiles of it.
pub(super) fn observe_command(
    mark: &str,
    agent: Option<&StorePath>,
    profiles: &[&FleetProfile],
) -> String {
    let mut words = vec![
        mark.to_owned(),
        agent.map(ToString::to_string).unwrap_or_default(),
        PROTOCOL_VERSION.to_string(),
    ];
    for profile in profiles {
        let path = match &profile.location {
            ProfileLocation::Path(path) => Some(path.clone()),
            ProfileLocation::UserFolder => root_profile(&profile.user, &profile.name),
        };
        words.push(profile.name.to_string());
        words.push(profile.user.to_string());
        words.push(path.map(|path| path.to_string()).unwrap_or_default());
        words.push(sudo_line(profile));
    }
    shell(OBSERVE, &words)
}

/// Only sudo can tell beforehand whether it will ask for a password.
fn sudo_line(profile: &FleetProfile) -> String {
    let sudo = profile.settings.sudo.as_deref();
    let quiet = sudo.and_then(sudo::never_asking);
    quiet.map(quote_words).unwrap_or_default()
}

/// Returns the remote command that reads the closures of `current`, and compares its standard input
/// with what the node has.
pub(super) fn closures_command(mark: &str, nix_folder: &str, current: &[&StorePath]) -> String {
    let most = (TREE_FILE_MAX + 1).to_string();
    let mut words = vec![mark.to_owned(), nix_folder.to_owned(), most];
    words.extend(current.iter().map(ToString::to_string));
    shell(CLOSURES, &words)
}

/// What is asked about files.
#[derive(Clone, Copy)]
pub(super) enum FilesWanted<'a> {
    /// What there is below these paths.
    List(&'a BTreeSet<&'a StorePath>),
    /// The texts of those that standard input names.
    Texts,
}

/// Returns the remote command that reads files of profiles.
pub(super) fn files_command(mark: &str, wanted: FilesWanted<'_>) -> String {
    let (word, paths) = match wanted {
        FilesWanted::List(paths) => ("list", paths.iter().map(ToString::to_string).collect()),
        FilesWanted::Texts => ("text", Vec::new()),
    };
    let numbers = [TREE_FILE_MAX + 1, FILES_MAX as u64, TEXTS_MAX];
    let mut words = vec![mark.to_owned(), word.to_owned()];
    words.extend(numbers.map(|number| number.to_string()));
    words.extend(paths);
    shell(FILES, &words)
}

/// A script for `/bin/sh`, whatever the login shell is.
fn shell(script: &str, words: &[String]) -> String {
    let fixed = ["/bin/sh", "-c", script, "sh"];
    quote_words(fixed.into_iter().chain(words.iter().map(String::as_str)))
}
