//! What is worth knowing about a node before its plan is applied.

use super::document::{Action, PlannedProfile};
use super::last_run::LastRun;
use super::observation::{NodeFacts, ProfileObservation};

/// What it means that a node has to do with the agent in its closures.
pub const NO_AGENT: &str = "the closures' own activate-rs is used, with deploy-rs's promises: no lock \
     and no journal, so nothing is finished or taken back after a crash; one who deploys at the same \
     time is noticed late; it goes back to the generation before, and from a first deployment not at all";
const MEBIBYTE: u64 = 1 << 20;
/// With less free space than this after a copy, activations and logs are soon in need of some.
const LITTLE_SPACE: u64 = 512 * MEBIBYTE;

/// Returns notes on a node and what these profiles of it need, as sentences.
pub(super) fn notes_of(facts: &NodeFacts, profiles: &[PlannedProfile]) -> Vec<String> {
    let mut notes = pending_runs(facts);
    let changes = profiles
        .iter()
        .any(|profile| profile.action != Action::Unchanged);
    if changes {
        notes.extend(disk_space(facts, profiles));
        notes.extend(trust(facts, profiles));
        notes.extend(built_there(profiles));
        notes.extend(mortal(facts, profiles));
        notes.extend(password(facts, profiles));
        if facts.lacks_agent {
            let system = facts.system.as_deref().unwrap_or("an unknown system");
            notes.push(format!("no agent for {system} is here; {NO_AGENT}"));
        }
        if facts.login_asks {
            notes.push("each confirmation logs in anew, and asks you again".to_owned());
        }
        if facts.login_is_noisy {
            let what = "the login prints text, which breaks copying";
            notes.push(format!(
                "{what}: shell start-up files must print only where the shell is interactive"
            ));
        }
    }
    notes
}

fn pending_runs(facts: &NodeFacts) -> Vec<String> {
    let note = |profile: &ProfileObservation| {
        let path = &profile.profile_path;
        let run = LastRun::of(profile);
        (run.needs_attention() || run.is_live())
            .then(|| format!("{path}: {}", run.sentence(facts.now)))
    };
    facts.profiles.values().filter_map(note).collect()
}

fn disk_space(facts: &NodeFacts, profiles: &[PlannedProfile]) -> Option<String> {
    let free = facts.free_bytes?;
    let closures = profiles
        .iter()
        .filter_map(|profile| profile.closure.as_ref());
    let needed = closures.map(|closure| closure.bytes_to_copy);
    let needed = needed.fold(0, u64::saturating_add);
    let mebibytes = |bytes: u64| bytes / MEBIBYTE;
    match free.checked_sub(needed) {
        None => Some(format!(
            "the store has {} MiB of free space, and copying needs {} MiB",
            mebibytes(free),
            needed.div_ceil(MEBIBYTE)
        )),
        Some(left) if needed > 0 && left < LITTLE_SPACE => Some(format!(
            "copying leaves {} MiB of free space in the store",
            mebibytes(left)
        )),
        Some(_) => None,
    }
}

fn trust(facts: &NodeFacts, profiles: &[PlannedProfile]) -> Option<String> {
    let is_copied = |profile: &&PlannedProfile| profile.built_there().is_none();
    let user = &profiles.iter().find(is_copied)?.connection.ssh_user;
    (facts.trusted == Some(false))
        .then(|| format!("{user} is not among the trusted-users of its Nix, which takes signed paths only from others"))
}

/// Nothing is built for a plan on a node.
fn built_there(profiles: &[PlannedProfile]) -> Option<String> {
    let is_unknown = |profile: &&PlannedProfile| {
        let is_changed = profile.action != Action::Unchanged;
        is_changed && profile.built_there().is_some() && profile.closure.is_none()
    };
    let names = profiles.iter().filter(is_unknown);
    let names: Vec<&str> = names.map(|profile| profile.profile.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "built on the node, so that what changes in it is known only then: {}",
            names.join(", ")
        )
    })
}

/// Before anything is changed, sudo may want a password.
fn password(facts: &NodeFacts, profiles: &[PlannedProfile]) -> Option<String> {
    let wants = |profile: &&PlannedProfile| {
        let observed = facts.profiles.get(&profile.profile);
        let allowed = observed.and_then(|observed| observed.sudo_allowed);
        let is_changed = profile.action != Action::Unchanged;
        profile.settings.interactive_sudo && is_changed && allowed != Some(true)
    };
    let user = &profiles.iter().find(wants)?.connection.ssh_user;
    Some(format!(
        "where sudo wants the password of {user}, you are asked for it before anything is changed"
    ))
}

/// The one case in which an agent does not go back by itself.
fn mortal(facts: &NodeFacts, profiles: &[PlannedProfile]) -> Vec<String> {
    let changed = profiles.iter().filter(|profile| {
        profile.action != Action::Unchanged && facts.mortal.contains(&profile.profile)
    });
    let note = |profile: &PlannedProfile| {
        let (name, user, login) = (
            &profile.profile,
            &profile.user,
            &profile.connection.ssh_user,
        );
        format!(
            "{name}: logind ends what a login of {login} leaves running, so that after a lost connection \
             rollback may have to wait for the next contact; `loginctl enable-linger {user}` prevents it"
        )
    };
    changed.map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ClosureChange;
    use crate::report::fixtures;

    fn note(free: u64, needed: u64) -> Option<String> {
        let facts = NodeFacts {
            free_bytes: Some(free * MEBIBYTE),
            ..NodeFacts::default()
        };
        let mut profiles = fixtures::plan().profiles;
        profiles.truncate(1);
        profiles[0].closure = Some(ClosureChange {
            size_before: None,
            size_after: 0,
            bytes_to_copy: needed * MEBIBYTE,
            paths_to_copy: 1,
            packages: vec![],
        });
        disk_space(&facts, &profiles)
    }

    #[test]
    fn the_space_after_the_copy() {
        assert_eq!(note(10_000, 100), None);
        assert_eq!(note(100, 0), None);
        let little = "copying leaves 100 MiB of free space in the store";
        assert_eq!(note(200, 100).as_deref(), Some(little));
        let none = "the store has 100 MiB of free space, and copying needs 200 MiB";
        assert_eq!(note(100, 200).as_deref(), Some(none));
    }
}
