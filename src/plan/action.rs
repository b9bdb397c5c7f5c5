//! What has to be done with a profile, and which generation that gives.

use super::document::Action;
use super::observation::ProfileObservation;
use crate::model::{Generation, ProfileState, StorePath};

/// Returns what has to be done with a profile to bring it to `target`. What a run that is at work
/// has set may yet go back: nobody has confirmed it.
pub(super) fn decide_action(
    current: &ProfileState,
    target: &StorePath,
    force: bool,
    at_work: bool,
) -> Action {
    match current {
        ProfileState::Unknown { .. } => Action::Unknown,
        ProfileState::Absent { .. } => Action::Create,
        ProfileState::Present {
            path: Some(path), ..
        } if path == target => {
            if force {
                Action::Reactivate
            } else if at_work {
                Action::Update
            } else {
                Action::Unchanged
            }
        }
        ProfileState::Present { .. } => Action::Update,
    }
}

/// Returns the generation that the profile will be at.
///
/// As in Nix (`profiles.cc`, `createGeneration`): the newest generation is taken up again where
/// it has the target's path already, else its number plus one is made. The current generation
/// plays no part, so that gaps and rollbacks by hand are right.
pub(super) fn target_generation(
    observed: &ProfileObservation,
    target: &StorePath,
) -> Option<Generation> {
    match &observed.state {
        ProfileState::Unknown { .. } => None,
        ProfileState::Present {
            path: Some(path),
            generation,
            ..
        } if path == target => *generation,
        _ => Some(match &observed.newest {
            None => Generation(1),
            Some((newest, Some(path))) if path == target => *newest,
            Some((newest, _)) => Generation(newest.0 + 1),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> StorePath {
        format!("/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-{name}")
            .parse()
            .unwrap()
    }

    fn observed(current: Option<(u64, &str)>, newest: Option<(u64, &str)>) -> ProfileObservation {
        let highest_generation = newest.map(|(number, _)| Generation(number));
        ProfileObservation {
            profile_path: "/p/x".parse().unwrap(),
            state: match current {
                None => ProfileState::Absent { highest_generation },
                Some((number, name)) => ProfileState::Present {
                    generation: Some(Generation(number)),
                    path: Some(path(name)),
                    highest_generation,
                },
            },
            newest: newest.map(|(number, name)| (Generation(number), Some(path(name)))),
            generations: vec![],
            journal: crate::plan::ObservedJournal::None,
            lock: crate::plan::ObservedLock::Free,
            sudo_allowed: None,
            active_units: None,
        }
    }

    #[test]
    fn generations_are_numbered_as_nix_does() {
        let target = path("new");
        for (current, newest, expected) in [
            (None, None, 1),
            (None, Some((4, "old")), 5),
            (Some((1, "old")), Some((1, "old")), 2),
            (Some((2, "old")), Some((7, "bad")), 8),
            (Some((2, "old")), Some((7, "new")), 7),
            (Some((3, "new")), Some((9, "bad")), 3),
        ] {
            let generation = target_generation(&observed(current, newest), &target);
            assert_eq!(
                generation,
                Some(Generation(expected)),
                "{current:?} {newest:?}"
            );
        }
    }

    #[test]
    fn actions() {
        let target = path("new");
        let decide = |state: &ProfileState, force| decide_action(state, &target, force, false);
        let act = |current, force| decide(&observed(current, current).state, force);
        assert_eq!(act(None, false), Action::Create);
        assert_eq!(act(Some((1, "old")), true), Action::Update);
        assert_eq!(act(Some((1, "new")), false), Action::Unchanged);
        assert_eq!(act(Some((1, "new")), true), Action::Reactivate);
        let unknown = ProfileState::Unknown {
            reason: "no permission".into(),
        };
        assert_eq!(decide(&unknown, false), Action::Unknown);
        let foreign = ProfileState::Present {
            generation: None,
            path: None,
            highest_generation: None,
        };
        assert_eq!(decide(&foreign, false), Action::Update);
        let unconfirmed = observed(Some((1, "new")), Some((1, "new"))).state;
        assert_eq!(
            decide_action(&unconfirmed, &target, false, true),
            Action::Update
        );
    }
}
