//! Which generation a profile goes back to.

use super::observation::ProfileObservation;
use crate::model::{Generation, GenerationContent, ObservedGeneration, ProfileState, StorePath};

/// Why a profile cannot go back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoWayBack {
    /// There is no profile link.
    #[error("there is no profile to go back from")]
    Absent,
    /// Its generations could not be read.
    #[error("its generations cannot be read: {reason}")]
    Unknown {
        /// Why not.
        reason: String,
    },
    /// The link is no generation, so that none is the one before it.
    #[error("its link is no generation, so that none is the one before it; name one with --to{}", list(.there))]
    NoGeneration {
        /// What there is.
        there: Vec<Generation>,
    },
    /// Nothing is older.
    #[error("there is no generation before {current}{}", list(.there))]
    NothingEarlier {
        /// The current one.
        current: Generation,
        /// What there is.
        there: Vec<Generation>,
    },
    /// No such number.
    #[error("there is no generation {wanted}{}", list(.there))]
    NoSuch {
        /// The number asked for.
        wanted: Generation,
        /// What there is.
        there: Vec<Generation>,
    },
    /// It is where it should go.
    #[error("it is at generation {current} already")]
    AlreadyThere {
        /// The number.
        current: Generation,
    },
    /// The closure is gone.
    #[error("the store path of generation {generation} is gone from the node")]
    Gone {
        /// The number.
        generation: Generation,
    },
    /// The closure cannot be activated.
    #[error(
        "generation {generation} has no program that activates it (deploy-rs-activate, bin/switch-to-configuration or activate)"
    )]
    WithoutProgram {
        /// The number.
        generation: Generation,
    },
}

/// Returns the generation to go back to: `wanted`, or the one before the current.
pub fn way_back(
    observed: &ProfileObservation,
    wanted: Option<Generation>,
) -> Result<(Generation, StorePath), NoWayBack> {
    let current = match &observed.state {
        ProfileState::Absent { .. } => return Err(NoWayBack::Absent),
        ProfileState::Unknown { reason } => {
            return Err(NoWayBack::Unknown {
                reason: reason.clone(),
            });
        }
        ProfileState::Present { .. } if observed.generations.is_empty() && wanted.is_none() => None,
        ProfileState::Present { generation, .. } => *generation,
    };
    if observed.generations.is_empty() && observed.state.highest_generation().is_some() {
        return Err(NoWayBack::Unknown {
            reason: "only the profile's user may; log in as that user".to_owned(),
        });
    }
    let there = || {
        let generations = observed.generations.iter();
        generations.map(|generation| generation.number).collect()
    };
    let found = match (wanted, current) {
        (Some(wanted), Some(current)) if wanted == current => {
            return Err(NoWayBack::AlreadyThere { current });
        }
        (Some(wanted), _) => observed
            .generations
            .iter()
            .find(|generation| generation.number == wanted)
            .ok_or_else(|| NoWayBack::NoSuch {
                wanted,
                there: there(),
            })?,
        (None, Some(current)) => observed
            .generations
            .iter()
            .rfind(|generation| generation.number < current)
            .ok_or_else(|| NoWayBack::NothingEarlier {
                current,
                there: there(),
            })?,
        (None, None) => return Err(NoWayBack::NoGeneration { there: there() }),
    };
    usable(found)
}

fn usable(found: &ObservedGeneration) -> Result<(Generation, StorePath), NoWayBack> {
    let generation = found.number;
    match (found.content, &found.path) {
        (GenerationContent::Gone, _) => Err(NoWayBack::Gone { generation }),
        (GenerationContent::Activatable, Some(path)) => Ok((generation, path.clone())),
        _ => Err(NoWayBack::WithoutProgram { generation }),
    }
}

fn list(there: &[Generation]) -> String {
    match there {
        [] => "; there is none at all".to_owned(),
        there => {
            let numbers: Vec<String> = there.iter().map(ToString::to_string).collect();
            format!("; there are {}", numbers.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{ObservedJournal, ObservedLock};

    fn path() -> StorePath {
        "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a"
            .parse()
            .unwrap()
    }

    fn observed(current: Option<u64>, numbers: &[u64]) -> ProfileObservation {
        let generation = |number: &u64| ObservedGeneration {
            number: Generation(*number),
            path: Some(path()),
            made: None,
            content: match number {
                90 => GenerationContent::Gone,
                91 => GenerationContent::WithoutProgram,
                _ => GenerationContent::Activatable,
            },
        };
        ProfileObservation {
            profile_path: "/p/x".parse().unwrap(),
            state: ProfileState::Present {
                generation: current.map(Generation),
                path: Some(path()),
                highest_generation: numbers.last().copied().map(Generation),
            },
            newest: None,
            generations: numbers.iter().map(generation).collect(),
            journal: ObservedJournal::None,
            lock: ObservedLock::Free,
            sudo_allowed: None,
            active_units: None,
        }
    }

    fn back(current: Option<u64>, numbers: &[u64], to: Option<u64>) -> Result<u64, String> {
        let found = way_back(&observed(current, numbers), to.map(Generation));
        found
            .map(|(number, _)| number.0)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_one_before_whatever_the_gaps() {
        assert_eq!(back(Some(9), &[1, 4, 9, 12], None), Ok(4));
        assert_eq!(back(Some(2), &[1, 2], None), Ok(1));
        // The current one may be gone.
        assert_eq!(back(Some(9), &[1, 4], None), Ok(4));
        assert_eq!(back(Some(2), &[1, 2, 7], Some(7)), Ok(7));
        assert_eq!(back(None, &[1, 2], Some(2)), Ok(2));
    }

    #[test]
    fn what_cannot_be_is_said() {
        for (current, numbers, to, words) in [
            (
                Some(1),
                &[1, 2][..],
                None,
                "no generation before 1; there are 1, 2",
            ),
            (Some(2), &[1, 2], Some(2), "at generation 2 already"),
            (Some(2), &[1, 2], Some(5), "no generation 5; there are 1, 2"),
            (None, &[1, 2], None, "its link is no generation"),
            (None, &[], None, "there is none at all"),
            (Some(99), &[90, 99], None, "generation 90 is gone"),
            (Some(99), &[91, 99], None, "generation 91 has no program"),
        ] {
            let error = back(current, numbers, to).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let absent = ProfileObservation {
            state: ProfileState::Absent {
                highest_generation: None,
            },
            ..observed(None, &[])
        };
        assert_eq!(way_back(&absent, None), Err(NoWayBack::Absent));
        // The agent of another user has told the state, but not the generations.
        let mut private = observed(Some(3), &[1, 2, 3]);
        private.generations.clear();
        let hidden = way_back(&private, None).unwrap_err().to_string();
        assert!(hidden.contains("log in as that user"), "{hidden}");
    }
}
