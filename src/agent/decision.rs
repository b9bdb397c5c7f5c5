//! What a request means for the profile that was found.

use crate::model::{ProfileState, StorePath};

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

/// Returns what to do with a profile that is `found`, when the plan saw `expected`.
pub(super) fn decide(
    expected: &ProfileState,
    found: &ProfileState,
    target: &StorePath,
    reactivate: bool,
) -> Decision {
    let as_planned = expected == found || matches!(expected, ProfileState::Unknown { .. });
    let at_target = found.path() == Some(target);
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
    use crate::model::Generation;

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

    #[test]
    fn table() {
        let unknown = ProfileState::Unknown {
            reason: String::new(),
        };
        let absent = ProfileState::Absent {
            highest_generation: None,
        };
        let left = ProfileState::Absent {
            highest_generation: Some(Generation(1)),
        };
        let table = [
            (
                at(1, "old", 1),
                at(1, "old", 1),
                Decision::Set,
                Decision::Set,
            ),
            (absent.clone(), absent.clone(), Decision::Set, Decision::Set),
            (
                unknown.clone(),
                at(1, "old", 1),
                Decision::Set,
                Decision::Set,
            ),
            (
                unknown,
                at(1, "new", 1),
                Decision::AlreadyDone,
                Decision::Reactivate,
            ),
            (
                at(1, "new", 1),
                at(1, "new", 1),
                Decision::AlreadyDone,
                Decision::Reactivate,
            ),
            (
                at(1, "old", 1),
                at(2, "new", 2),
                Decision::AlreadyDone,
                Decision::Stale,
            ),
            // Applied and rolled back by hand: only the highest number tells.
            (
                at(1, "old", 1),
                at(1, "old", 2),
                Decision::Stale,
                Decision::Stale,
            ),
            (
                at(1, "old", 2),
                at(2, "old", 2),
                Decision::Stale,
                Decision::Stale,
            ),
            (
                at(1, "old", 1),
                at(1, "other", 1),
                Decision::Stale,
                Decision::Stale,
            ),
            (
                absent.clone(),
                at(1, "old", 1),
                Decision::Stale,
                Decision::Stale,
            ),
            (
                at(1, "old", 1),
                absent.clone(),
                Decision::Stale,
                Decision::Stale,
            ),
            (absent, left, Decision::Stale, Decision::Stale),
        ];
        for (expected, found, once, again) in table {
            assert_eq!(decide(&expected, &found, &path("new"), false), once);
            assert_eq!(decide(&expected, &found, &path("new"), true), again);
        }
    }
}
