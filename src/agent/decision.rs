//! What a request means for the profile that was found.

use crate::model::{Generation, ProfileState, StorePath};

/// What is to be done with a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Set the profile and activate.
    Set,
    /// The link is at the target; activate once more.
    Reactivate,
    /// The link is at the target; do nothing.
    AlreadyDone,
    /// The profile is not what the plan saw; do nothing.
    Stale,
}

/// Returns what to do with a profile that is `found`, when the plan saw `expected`, to bring it to
/// `target` (as this `generation`, if one is named).
pub(super) fn decide(
    expected: &ProfileState,
    found: &ProfileState,
    target: &StorePath,
    generation: Option<Generation>,
    reactivate: bool,
) -> Decision {
    let as_planned = expected == found || matches!(expected, ProfileState::Unknown { .. });
    let at_target = found.path() == Some(target)
        && generation.is_none_or(|number| found.generation() == Some(number));
    match (as_planned, at_target) {
        (true, false) => Decision::Set,
        (true, true) if reactivate => Decision::Reactivate,
        (false, true) if reactivate => Decision::Stale,
        (_, true) => Decision::AlreadyDone,
        (false, false) => Decision::Stale,
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

    fn at(number: u64, name: &str, highest: u64) -> ProfileState {
        ProfileState::Present {
            generation: Some(Generation(number)),
            path: Some(path(name)),
            highest_generation: Some(Generation(highest)),
        }
    }

    fn check(table: &[(&ProfileState, ProfileState, Decision, Decision)]) {
        for (expected, found, once, again) in table {
            let decide = |reactivate| decide(expected, found, &path("new"), None, reactivate);
            assert_eq!(decide(false), *once);
            assert_eq!(decide(true), *again);
        }
    }

    #[test]
    fn what_the_plan_saw_is_gone_about() {
        use Decision::{AlreadyDone, Reactivate, Set};
        let unknown = ProfileState::Unknown {
            reason: String::new(),
        };
        let absent = ProfileState::Absent {
            highest_generation: None,
        };
        check(&[
            (&at(1, "old", 1), at(1, "old", 1), Set, Set),
            (&absent, absent.clone(), Set, Set),
            (&unknown, at(1, "old", 1), Set, Set),
            (&unknown, at(1, "new", 1), AlreadyDone, Reactivate),
            (&at(1, "new", 1), at(1, "new", 1), AlreadyDone, Reactivate),
        ]);
    }

    #[test]
    fn the_same_path_under_another_number_is_another_generation() {
        let found = at(5, "new", 5);
        let decide = |number| {
            decide(
                &found,
                &found,
                &path("new"),
                Some(Generation(number)),
                false,
            )
        };
        assert_eq!(decide(3), Decision::Set);
        assert_eq!(decide(5), Decision::AlreadyDone);
    }

    #[test]
    fn anything_else_is_stale_unless_it_is_done() {
        use Decision::{AlreadyDone, Stale};
        let absent = |highest: Option<u64>| ProfileState::Absent {
            highest_generation: highest.map(Generation),
        };
        check(&[
            (&at(1, "old", 1), at(2, "new", 2), AlreadyDone, Stale),
            // Applied and rolled back by hand: only the highest number tells.
            (&at(1, "old", 1), at(1, "old", 2), Stale, Stale),
            (&at(1, "old", 2), at(2, "old", 2), Stale, Stale),
            (&at(1, "old", 1), at(1, "other", 1), Stale, Stale),
            (&absent(None), at(1, "old", 1), Stale, Stale),
            (&at(1, "old", 1), absent(None), Stale, Stale),
            (&absent(None), absent(Some(1)), Stale, Stale),
        ]);
    }
}
