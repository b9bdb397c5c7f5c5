//! What the scripts answer, taken apart. A node's text is not trusted: all of it is checked.

use crate::config::{FleetProfile, ProfileLocation};
use crate::model::{AbsolutePath, Generation, ProfileName, ProfileState, StorePath};
use crate::plan::{NodeFacts, ProfileObservation, root_profile};
use crate::protocol::{Journal, parse_line};

/// An answer that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerError {
    /// The login shell did not run the script.
    #[error("the login did not run /bin/sh: {said}")]
    NoAnswer {
        /// What was printed instead.
        said: String,
    },
    /// The answer ends too early.
    #[error("the answer was cut short")]
    CutShort,
}

/// Returns the fields between the marks, and whether the login printed something of its own.
pub(super) fn fields<'a>(answer: &'a str, mark: &str) -> Result<(Vec<&'a str>, bool), AnswerError> {
    let begin = format!("{mark}\0begin\0");
    let end = format!("{mark}\0end\0");
    let Some(start) = answer.find(&begin) else {
        return Err(AnswerError::NoAnswer {
            said: answer.chars().take(200).collect(),
        });
    };
    let rest = &answer[start + begin.len()..];
    let rest = &rest[..rest.find(&end).ok_or(AnswerError::CutShort)?];
    Ok((rest.split_terminator('\0').collect(), start > 0))
}

/// Reads fields one by one; a field that is not there reads as an empty text.
struct Fields<'a>(std::iter::Peekable<std::slice::Iter<'a, &'a str>>);

impl<'a> Fields<'a> {
    fn next(&mut self) -> &'a str {
        self.0.next().copied().unwrap_or_default()
    }

    fn next_if(&mut self, key: &str) -> bool {
        self.0.next_if(|field| **field == key).is_some()
    }
}

/// Returns what the observing script says about a node.
pub(super) fn node_facts(fields: &[&str], profiles: &[&FleetProfile]) -> NodeFacts {
    let mut fields = Fields(fields.iter().peekable());
    let mut facts = NodeFacts::default();
    let mut user = (String::new(), String::new());
    while fields.0.peek().is_some() {
        match fields.next() {
            "nix" => {
                facts.nix_folder = fields.next().parse().ok();
                facts.nix_on_path = fields.next() == "yes";
            }
            "version" => facts.nix_version = first_line(fields.next()),
            "uname" => facts.system = system(fields.next(), fields.next()),
            "boot" => facts.boot_id = first_line(fields.next()),
            "free" => facts.free_bytes = free_bytes(fields.next()),
            "current" => facts.current_system = fields.next().parse().ok(),
            "booted" => facts.booted_system = fields.next().parse().ok(),
            "me" => user = (fields.next().to_owned(), fields.next().to_owned()),
            "trusted" => facts.trusted = Some(is_trusted(&user.0, &user.1, fields.next())),
            "profile" => {
                if let Some((name, profile)) = profile(&mut fields, profiles) {
                    facts.profiles.insert(name, profile);
                }
            }
            _ => {}
        }
    }
    facts
}

fn profile(
    fields: &mut Fields<'_>,
    asked: &[&FleetProfile],
) -> Option<(ProfileName, ProfileObservation)> {
    let (name, path, allowed) = (fields.next(), fields.next(), fields.next());
    let fleet_profile = asked.iter().find(|profile| profile.name.as_str() == name)?;
    let profile_path: AbsolutePath = path.parse().ok().or_else(|| fixed_path(fleet_profile))?;
    let mut read = Read::default();
    loop {
        if fields.next_if("link") {
            read.link = Some(fields.next().to_owned());
        } else if fields.next_if("generation") {
            read.generations
                .push((fields.next().to_owned(), fields.next().to_owned()));
        } else if fields.next_if("journal") {
            read.journal = parse_line::<Journal>(fields.next()).ok();
        } else if fields.next_if("state") {
            read.state = parse_line::<ProfileState>(fields.next().trim()).ok();
        } else if fields.next_if("unreadable") {
            read.unreadable = Some(fields.next().to_owned());
        } else {
            break;
        }
    }
    let sudo_allowed = match allowed {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    Some((
        fleet_profile.name.clone(),
        read.observation(profile_path, sudo_allowed),
    ))
}

fn fixed_path(profile: &FleetProfile) -> Option<AbsolutePath> {
    match &profile.location {
        ProfileLocation::Path(path) => Some(path.clone()),
        ProfileLocation::UserFolder => root_profile(&profile.user, &profile.name),
    }
}

/// What was said about one profile.
#[derive(Default)]
struct Read {
    link: Option<String>,
    generations: Vec<(String, String)>,
    journal: Option<Journal>,
    state: Option<ProfileState>,
    unreadable: Option<String>,
}

impl Read {
    fn observation(
        self,
        profile_path: AbsolutePath,
        sudo_allowed: Option<bool>,
    ) -> ProfileObservation {
        let base = profile_path.file_name();
        let mut generations: Vec<(Generation, Option<StorePath>)> = self
            .generations
            .iter()
            .filter_map(|(link, path)| {
                Some((Generation::from_link_name(base, link)?, path.parse().ok()))
            })
            .collect();
        generations.sort_by_key(|(number, _)| *number);
        let newest = generations.last().cloned();
        let (state, newest) = if let Some(state) = self.state {
            // The agent that read it says no more than the number.
            let newest = state.highest_generation().map(|highest| (highest, None));
            (state, newest)
        } else if let Some(link) = &self.link {
            (link_state(link, &profile_path, &generations), newest)
        } else {
            let folder = self
                .unreadable
                .unwrap_or_else(|| profile_path.parent().to_owned());
            (
                ProfileState::Unknown {
                    reason: format!("no permission to read {folder}"),
                },
                None,
            )
        };
        let pending = self.journal.filter(|journal| journal.phase.is_pending());
        ProfileObservation {
            profile_path,
            state,
            newest,
            pending,
            sudo_allowed,
        }
    }
}

/// Returns what a profile link with this text means: it names a generation beside it, or points
/// straight at a store path, or at something else.
fn link_state(
    link: &str,
    profile_path: &AbsolutePath,
    generations: &[(Generation, Option<StorePath>)],
) -> ProfileState {
    let highest_generation = generations.last().map(|(number, _)| *number);
    if link.is_empty() {
        return ProfileState::Absent { highest_generation };
    }
    let name = link
        .strip_prefix(profile_path.parent())
        .map_or(link, |rest| rest.trim_start_matches('/'));
    let generation = Generation::from_link_name(profile_path.file_name(), name);
    let path = match generation {
        Some(generation) => generations
            .iter()
            .find(|(number, _)| *number == generation)
            .and_then(|(_, path)| path.clone()),
        None => link.parse().ok(),
    };
    ProfileState::Present {
        generation,
        path,
        highest_generation,
    }
}

fn first_line(text: &str) -> Option<String> {
    text.lines()
        .next()
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
}

fn system(machine: &str, kernel: &str) -> Option<String> {
    let machine = match machine {
        "arm64" => "aarch64",
        "i386" | "i586" => "i686",
        other => other,
    };
    (!machine.is_empty() && !kernel.is_empty())
        .then(|| format!("{machine}-{}", kernel.to_lowercase()))
}

/// Reads the fourth column of `df -Pk`: kibibytes available.
fn free_bytes(line: &str) -> Option<u64> {
    line.split_whitespace()
        .nth(3)?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

fn is_trusted(user: &str, groups: &str, trusted: &str) -> bool {
    let is_listed = |entry: &str| {
        entry == "*"
            || entry == user
            || entry
                .strip_prefix('@')
                .is_some_and(|group| groups.split(' ').any(|own| own == group))
    };
    user == "root" || trusted.split_whitespace().any(is_listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(link: &str) -> ProfileState {
        let path: StorePath = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a"
            .parse()
            .unwrap();
        let generations = [
            (Generation(3), Some(path.clone())),
            (Generation(5), Some(path)),
        ];
        link_state(link, &"/p/x".parse().unwrap(), &generations)
    }

    #[test]
    fn links_of_all_kinds() {
        assert_eq!(state("").generation(), None);
        assert_eq!(state("x-3-link").generation(), Some(Generation(3)));
        assert_eq!(state("/p/x-3-link").generation(), Some(Generation(3)));
        assert_eq!(state("x-3-link").highest_generation(), Some(Generation(5)));
        let foreign = state("/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a");
        assert_eq!(
            (foreign.generation(), foreign.path().is_some()),
            (None, true)
        );
        assert_eq!(state("/etc/x-3-link").generation(), None);
        assert!(state("x-4-link").path().is_none());
    }

    #[test]
    fn noise_around_the_answer() {
        assert_eq!(
            fields("welcome!\nm\0begin\0a\0b\0m\0end\0bye", "m").unwrap(),
            (vec!["a", "b"], true)
        );
        assert!(matches!(
            fields("m\0begin\0a\0", "m"),
            Err(AnswerError::CutShort)
        ));
        assert!(matches!(
            fields("no shell for you", "m"),
            Err(AnswerError::NoAnswer { .. })
        ));
    }

    #[test]
    fn trust_is_by_name_group_or_all() {
        assert!(is_trusted("root", "root", ""));
        assert!(is_trusted("alice", "users wheel", "root @wheel"));
        assert!(is_trusted("alice", "users", "* "));
        assert!(!is_trusted("alice", "users", "root @wheel"));
    }

    #[test]
    fn units_of_df() {
        assert_eq!(free_bytes("/dev/vda 100 40 60 40% /"), Some(60 * 1024));
        assert_eq!(free_bytes(""), None);
    }

    proptest::proptest! {
        #[test]
        fn hostile_answers_do_not_panic(answer in proptest::collection::vec("(nix|link|profile|generation|journal|state|x|[^\\x00]{0,8})", 0..30)) {
            let fields: Vec<&str> = answer.iter().map(String::as_str).collect();
            drop(node_facts(&fields, &[]));
        }
    }
}
