//! What the scripts answer, taken apart. A node's text is not trusted: all of it is checked.

use super::profile_answer::profile;
use crate::config::FleetProfile;
use crate::model::StorePath;
use crate::plan::{ActiveUnits, NodeFacts};

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
pub(super) struct Fields<'a>(std::iter::Peekable<std::slice::Iter<'a, &'a str>>);

impl<'a> Fields<'a> {
    pub(super) fn new(fields: &'a [&'a str]) -> Self {
        Self(fields.iter().peekable())
    }

    pub(super) fn next(&mut self) -> &'a str {
        self.0.next().copied().unwrap_or_default()
    }

    pub(super) fn next_if(&mut self, key: &str) -> bool {
        self.0.next_if(|field| **field == key).is_some()
    }
}

/// Returns what the observing script says about a node.
pub(super) fn node_facts(fields: &[&str], profiles: &[&FleetProfile]) -> NodeFacts {
    let mut fields = Fields::new(fields);
    let mut facts = NodeFacts::default();
    let mut user = (String::new(), String::new());
    let (mut logind, mut linger) = ("", "");
    while fields.0.peek().is_some() {
        match fields.next() {
            "nix" => {
                facts.nix_folder = fields.next().parse().ok();
                facts.nix_on_path = fields.next() == "yes";
            }
            "installed" => facts.installed_agent = fields.next().parse().ok(),
            "nix-program" => facts.nix_version = name_of_package(fields.next()),
            "uname" => facts.system = system(fields.next()),
            "boot" => facts.boot_id = first_line(fields.next()),
            "now" => facts.now = fields.next().trim().parse().ok(),
            "free" => facts.free_bytes = free_bytes(fields.next()),
            "current" => facts.current_system = fields.next().parse().ok(),
            "booted" => facts.booted_system = fields.next().parse().ok(),
            "booted-part" => facts.booted_parts.insert(fields.next(), fields.next()),
            "units" => facts.active_units = Some(ActiveUnits::parse(fields.next())),
            "me" => user = (fields.next().to_owned(), fields.next().to_owned()),
            "trusted" => facts.trusted = Some(is_trusted(&user.0, &user.1, fields.next())),
            "logind" => logind = fields.next(),
            "linger" => linger = fields.next(),
            "profile" => {
                if let Some((name, profile)) = profile(&mut fields, profiles) {
                    facts.profiles.insert(name, profile);
                }
            }
            _ => {}
        }
    }
    if ends_what_is_left(logind, &user.0) {
        let mortal = profiles.iter().filter(|profile| {
            let user = profile.user.as_str();
            user != "root" && !linger.lines().any(|name| name == user)
        });
        facts.mortal = mortal.map(|profile| profile.name.clone()).collect();
    }
    facts
}

/// Returns whether logind, with these properties, ends what this user's sessions leave running.
fn ends_what_is_left(logind: &str, user: &str) -> bool {
    let property = |name: &str| {
        let lines = logind.lines().filter_map(|line| line.split_once('='));
        let values: Vec<_> = lines.filter(|(key, _)| *key == name).collect();
        values.first().map_or("", |(_, value)| *value)
    };
    let (excluded, only) = (property("KillExcludeUsers"), property("KillOnlyUsers"));
    let lists = |list: &str| list.split_whitespace().any(|name| name == user);
    let is_excluded = if excluded.is_empty() {
        user == "root"
    } else {
        lists(excluded)
    };
    property("KillUserProcesses") == "yes" && !is_excluded && (only.is_empty() || lists(only))
}

fn first_line(text: &str) -> Option<String> {
    text.lines()
        .next()
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
}

/// Returns the name of the store path that a program lies in.
fn name_of_package(program: &str) -> Option<String> {
    let package = program.trim_end_matches("/bin/nix-store");
    Some(package.parse::<StorePath>().ok()?.name().to_owned())
}

/// Reads `uname -s -m`.
fn system(line: &str) -> Option<String> {
    let (kernel, machine) = line.trim().split_once(' ')?;
    let machine = match machine {
        "arm64" => "aarch64",
        "i386" | "i586" => "i686",
        other => other,
    };
    (!machine.is_empty() && !kernel.is_empty())
        .then(|| format!("{machine}-{}", kernel.to_lowercase()))
}

/// Reads the fourth column in the last line of `df -Pk`: kibibytes available.
fn free_bytes(table: &str) -> Option<u64> {
    let line = table.lines().next_back()?;
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
    fn logind_ends_what_it_is_told_to_end() {
        let yes = "KillUserProcesses=yes\nKillExcludeUsers=\nKillOnlyUsers=\n";
        assert!(ends_what_is_left(yes, "alice"));
        assert!(!ends_what_is_left(yes, "root"));
        let only = "KillUserProcesses=yes\nKillExcludeUsers=alice\nKillOnlyUsers=root bob\n";
        let ended = ["alice", "bob", "carol", "root"].map(|user| ends_what_is_left(only, user));
        assert_eq!(ended, [false, true, false, true]);
        assert!(!ends_what_is_left("KillUserProcesses=no\n", "alice"));
        assert!(!ends_what_is_left("", "alice"));
    }

    #[test]
    fn systems_and_packages_are_named_as_nix_does() {
        assert_eq!(system("Linux x86_64").as_deref(), Some("x86_64-linux"));
        assert_eq!(system("Darwin arm64\n").as_deref(), Some("aarch64-darwin"));
        assert_eq!(system(""), None);
        let program = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-nix-2.24.1/bin/nix-store";
        assert_eq!(name_of_package(program).as_deref(), Some("nix-2.24.1"));
        assert_eq!(name_of_package("/usr/bin/nix-store"), None);
    }

    #[test]
    fn units_of_df() {
        let table =
            "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 100 40 60 40% /\n";
        assert_eq!(free_bytes(table), Some(60 * 1024));
        assert_eq!(free_bytes(""), None);
    }

    proptest::proptest! {
        #[test]
        fn hostile_answers_do_not_panic(answer in proptest::collection::vec("(nix|units|link|links|profile|generation|dates|journal|hidden|lock|unlocked|reading|x|[^\\x00]{0,8})", 0..30)) {
            let fields: Vec<&str> = answer.iter().map(String::as_str).collect();
            drop(node_facts(&fields, &[]));
            let mut profile = crate::observe::profile_answer::Read::default();
            profile.take(&mut Fields(fields.iter().peekable()));
            drop(profile.observation("/p/x".parse().unwrap(), None));
        }
    }
}
