//! What the script says of one profile: its link, its generations, its last run and its lock.

use std::collections::BTreeMap;

use super::answer::Fields;
use crate::config::{FleetProfile, ProfileLocation};
use crate::model::{
    AbsolutePath, Generation, GenerationContent, ObservedGeneration, ProfileName, ProfileState,
    StorePath,
};
use crate::plan::{ActiveUnits, ObservedJournal, ObservedLock, ProfileObservation, root_profile};
use crate::protocol::{JOURNAL_VERSION, Journal, LineError, Reading, parse_line};

/// Returns what is said of the next profile, if it is one that was asked for.
pub(super) fn profile(
    fields: &mut Fields<'_>,
    asked: &[&FleetProfile],
) -> Option<(ProfileName, ProfileObservation)> {
    let (name, path, allowed) = (fields.next(), fields.next(), fields.next());
    let mut read = Read::default();
    read.take(fields);
    let fleet_profile = asked.iter().find(|profile| profile.name.as_str() == name)?;
    let profile_path: AbsolutePath = path.parse().ok().or_else(|| fixed_path(fleet_profile))?;
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
pub(super) struct Read<'a> {
    link: Option<&'a str>,
    dates: &'a str,
    /// What the links of the generations say, one in a line.
    links: &'a str,
    generations: Vec<(&'a str, &'a str)>,
    journal: Option<(&'a str, &'a str)>,
    journal_is_hidden: bool,
    lock: Option<(&'a str, &'a str, &'a str)>,
    is_unlocked: bool,
    reading: Option<Reading>,
    unreadable: Option<&'a str>,
    active_units: Option<&'a str>,
}

impl<'a> Read<'a> {
    /// Takes all fields that belong to the profile.
    pub(super) fn take(&mut self, fields: &mut Fields<'a>) {
        loop {
            if fields.next_if("link") {
                self.link = Some(fields.next());
            } else if fields.next_if("dates") {
                self.dates = fields.next();
            } else if fields.next_if("links") {
                self.links = fields.next();
            } else if fields.next_if("generation") {
                self.generations.push((fields.next(), fields.next()));
            } else if fields.next_if("journal") {
                self.journal = Some((fields.next(), fields.next()));
            } else if fields.next_if("hidden") {
                self.journal_is_hidden = true;
            } else if fields.next_if("lock") {
                self.lock = Some((fields.next(), fields.next(), fields.next()));
            } else if fields.next_if("unlocked") {
                self.is_unlocked = true;
            } else if fields.next_if("reading") {
                self.reading = parse_line(fields.next().trim()).ok();
            } else if fields.next_if("unreadable") {
                self.unreadable = Some(fields.next());
            } else if fields.next_if("units of user") {
                self.active_units = Some(fields.next());
            } else {
                break;
            }
        }
    }

    /// Returns what all of that means.
    pub(super) fn observation(
        self,
        profile_path: AbsolutePath,
        sudo_allowed: Option<bool>,
    ) -> ProfileObservation {
        let active_units = self.active_units.map(ActiveUnits::parse);
        let (state, generations, journal, lock) = match self.reading {
            Some(reading) => told_by_the_agent(reading),
            None => self.told_by_the_script(&profile_path),
        };
        ProfileObservation {
            profile_path,
            state,
            newest: generations
                .last()
                .map(|newest| (newest.number, newest.path.clone())),
            generations,
            journal,
            lock,
            sudo_allowed,
            active_units,
        }
    }

    fn told_by_the_script(&self, profile_path: &AbsolutePath) -> Told {
        let generations = self.generations(profile_path.file_name());
        let state = if let Some(link) = self.link {
            link_state(link, profile_path, &generations)
        } else {
            let folder = self.unreadable.unwrap_or_else(|| profile_path.parent());
            let reason = format!("no permission to read {folder}");
            ProfileState::Unknown { reason }
        };
        (state, generations, self.journal(), self.lock())
    }

    fn generations(&self, base: &str) -> Vec<ObservedGeneration> {
        let dates: BTreeMap<&str, u64> = self.dates.lines().filter_map(date).collect();
        let paths: Vec<&str> = self.links.lines().collect();
        // With a line too many or too few nobody knows which generation it is of.
        let are_all_known = paths.len() == self.generations.len();
        let generation = |(place, (link, content)): (usize, &(&str, &str))| {
            let path = paths.get(place).filter(|_| are_all_known);
            Some(ObservedGeneration {
                number: Generation::from_link_name(base, link)?,
                path: path.and_then(|path| path.parse().ok()),
                made: dates.get(link).copied(),
                content: match *content {
                    "program" => GenerationContent::Activatable,
                    "gone" => GenerationContent::Gone,
                    _ => GenerationContent::WithoutProgram,
                },
            })
        };
        let listed = self.generations.iter().enumerate();
        let mut generations: Vec<_> = listed.filter_map(generation).collect();
        generations.sort_by_key(|generation| generation.number);
        generations
    }

    fn journal(&self) -> ObservedJournal {
        let Some((text, written)) = self.journal else {
            return if self.journal_is_hidden || self.link.is_none() {
                ObservedJournal::Unknown
            } else {
                ObservedJournal::None
            };
        };
        journal_of(text, written.trim().parse().ok())
    }

    fn lock(&self) -> ObservedLock {
        match self.lock {
            _ if self.is_unlocked => ObservedLock::Free,
            None => ObservedLock::Unknown,
            Some((file, locks, holder)) => lock_of(file, locks, holder),
        }
    }
}

/// State, generations, journal and lock of a profile.
type Told = (
    ProfileState,
    Vec<ObservedGeneration>,
    ObservedJournal,
    ObservedLock,
);

fn told_by_the_agent(reading: Reading) -> Told {
    let journal = match reading.journal {
        _ if matches!(reading.state, ProfileState::Unknown { .. }) => ObservedJournal::Unknown,
        None => ObservedJournal::None,
        Some(journal) => journal_of(&journal.text, journal.written),
    };
    let lock = match reading.lock {
        None => ObservedLock::Free,
        Some(lock) => match lock.locks {
            None => ObservedLock::Unknown,
            Some(locks) => lock_of(&lock.file, &locks, &lock.holder),
        },
    };
    (reading.state, reading.generations, journal, lock)
}

fn journal_of(text: &str, written: Option<u64>) -> ObservedJournal {
    match parse_line::<Journal>(text) {
        Ok(journal) => ObservedJournal::Read {
            journal: Box::new(journal),
            written,
        },
        Err(error) => ObservedJournal::Unreadable {
            reason: unreadable(text, &error),
        },
    }
}

fn lock_of(file: &str, locks: &str, holder: &str) -> ObservedLock {
    if locks.lines().any(|line| is_lock_on(line, file)) {
        let holder = parse_line(holder.trim()).ok();
        ObservedLock::Held { holder }
    } else {
        ObservedLock::Free
    }
}

/// Reads a line of seconds and path.
fn date(line: &str) -> Option<(&str, u64)> {
    let (seconds, path) = line.split_once(' ')?;
    let name = path.rsplit('/').next()?;
    Some((name, seconds.parse().ok()?))
}

fn unreadable(text: &str, error: &LineError) -> String {
    let version = serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|value| value.get("format_version")?.as_u64());
    match version {
        Some(version) if version != u64::from(JOURNAL_VERSION) => {
            format!("it has format version {version}, and this deploy reads {JOURNAL_VERSION}")
        }
        _ => match std::error::Error::source(error) {
            Some(source) => source.to_string(),
            None => error.to_string(),
        },
    }
}

/// Returns whether a line of /proc/locks is about this file, given as device and inode.
///
/// The device is compared too, since files of two file systems may share an inode's number; but
/// some file systems (btrfs) tell the two of a file differently, and then the number has to do.
fn is_lock_on(line: &str, file: &str) -> bool {
    let Some((device, inode)) = file.split_once(' ') else {
        return false;
    };
    let mut words = line.split_whitespace().skip(1);
    if words.next() != Some("FLOCK") {
        return false;
    }
    let Some(place) = words.nth(3).filter(|place| place.contains(':')) else {
        return false;
    };
    let mut parts = place.split(':');
    let mut hexadecimal = || u64::from_str_radix(parts.next()?, 16).ok();
    let (major, minor) = (hexadecimal(), hexadecimal());
    let same_inode = parts.next() == Some(inode);
    let is_anonymous = major == Some(0);
    let device: Option<u64> = device.parse().ok();
    let same_device = device.is_some_and(|device| {
        let of_file = (
            (device >> 8) & 0xfff | (device >> 32) & !0xfff,
            device & 0xff | (device >> 12) & !0xff,
        );
        (major, minor) == (Some(of_file.0), Some(of_file.1))
    });
    same_inode && (same_device || is_anonymous)
}

/// Returns what a profile link with this text means: it names a generation beside it, or points
/// straight at a store path, or at something else.
fn link_state(
    link: &str,
    profile_path: &AbsolutePath,
    generations: &[ObservedGeneration],
) -> ProfileState {
    let highest_generation = generations.last().map(|generation| generation.number);
    if link.is_empty() {
        return ProfileState::Absent { highest_generation };
    }
    let name = link
        .strip_prefix(profile_path.parent())
        .map_or(link, |rest| rest.trim_start_matches('/'));
    let generation = Generation::from_link_name(profile_path.file_name(), name);
    let path: Option<StorePath> = match generation {
        Some(number) => generations
            .iter()
            .find(|generation| generation.number == number)
            .and_then(|generation| generation.path.clone()),
        None => link.parse().ok(),
    };
    ProfileState::Present {
        generation,
        path,
        highest_generation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(number: u64) -> ObservedGeneration {
        let path = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a";
        ObservedGeneration {
            number: Generation(number),
            path: path.parse().ok(),
            made: None,
            content: GenerationContent::Activatable,
        }
    }

    fn state(link: &str) -> ProfileState {
        let generations = [generation(3), generation(5)];
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
    fn a_lock_is_told_by_device_and_inode() {
        let line = "3: FLOCK  ADVISORY  WRITE 4711 fe:01:1234 0 EOF";
        // Major 254, minor 1.
        assert!(is_lock_on(line, "65025 1234"));
        assert!(!is_lock_on(line, "65025 123"));
        assert!(!is_lock_on(line, "65026 1234"));
        // Of an anonymous device (btrfs, overlays) only the inode is the same.
        assert!(is_lock_on(
            "3: FLOCK ADVISORY WRITE 1 00:1f:1234 0 EOF",
            "65026 1234"
        ));
        assert!(!is_lock_on(
            "3: POSIX ADVISORY WRITE 1 fe:01:1234 0 EOF",
            "65025 1234"
        ));
        for nonsense in ["", "3:", "3: FLOCK", "3: FLOCK a b c :::::", "3: -> FLOCK"] {
            assert!(!is_lock_on(nonsense, "65025 1234"), "{nonsense}");
        }
    }

    #[test]
    fn a_journal_of_a_newer_version_is_said_to_be_one() {
        let reason = |text| unreadable(text, &parse_line::<Journal>(text).unwrap_err());
        assert!(reason("{\"format_version\": 9}").contains("format version 9"));
        assert!(reason("{\"format").contains("EOF"));
    }
}
