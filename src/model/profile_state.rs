//! What a profile was seen to be on its node.

use serde::{Deserialize, Serialize};

use super::{Generation, StorePath};

/// What a profile was seen to be on its node.
///
/// Number and path of the link are not enough to tell whether a profile was changed meanwhile:
/// after a deployment and a rollback by hand both are back, and only the highest number differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(try_from = "Fields", into = "Fields")]
pub enum ProfileState {
    /// There is no profile link.
    Absent {
        /// The highest generation left behind by a profile that was removed.
        highest_generation: Option<Generation>,
    },
    /// The profile link exists.
    Present {
        /// The generation that the link names; none when it points straight at a store path.
        generation: Option<Generation>,
        /// The store path that the link resolves to; none when that is outside of the store.
        path: Option<StorePath>,
        /// The highest generation number beside the link.
        highest_generation: Option<Generation>,
    },
    /// The profile could not be read.
    Unknown {
        /// Why, as a short sentence fragment.
        reason: String,
    },
}

impl ProfileState {
    /// Returns the store path that the profile link resolves to, where it is known.
    pub fn path(&self) -> Option<&StorePath> {
        match self {
            Self::Present { path, .. } => path.as_ref(),
            Self::Absent { .. } | Self::Unknown { .. } => None,
        }
    }

    /// Returns the generation that the profile link names, where it names one.
    pub fn generation(&self) -> Option<Generation> {
        match self {
            Self::Present { generation, .. } => *generation,
            Self::Absent { .. } | Self::Unknown { .. } => None,
        }
    }

    /// Returns the highest generation number beside the link.
    pub fn highest_generation(&self) -> Option<Generation> {
        match self {
            Self::Present {
                highest_generation, ..
            }
            | Self::Absent { highest_generation } => *highest_generation,
            Self::Unknown { .. } => None,
        }
    }
}

/// The same as it is written: every field always there, so that readers need not know the states.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "operator", schemars(rename = "ProfileState"))]
#[serde(deny_unknown_fields)]
struct Fields {
    /// Whether there is a profile link.
    state: State,
    /// The generation that the link names; null when it is no generation.
    generation: Option<Generation>,
    /// The store path that the link resolves to.
    path: Option<StorePath>,
    /// The highest generation number beside the link.
    highest_generation: Option<Generation>,
    /// Why the profile could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "operator", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum State {
    Present,
    #[default]
    Absent,
    Unknown,
}

impl From<ProfileState> for Fields {
    fn from(state: ProfileState) -> Self {
        match state {
            ProfileState::Absent { highest_generation } => Self {
                highest_generation,
                ..Self::default()
            },
            ProfileState::Present {
                generation,
                path,
                highest_generation,
            } => Self {
                state: State::Present,
                generation,
                path,
                highest_generation,
                reason: None,
            },
            ProfileState::Unknown { reason } => Self {
                state: State::Unknown,
                reason: Some(reason),
                ..Self::default()
            },
        }
    }
}

impl TryFrom<Fields> for ProfileState {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let Fields {
            state,
            generation,
            path,
            highest_generation,
            reason,
        } = fields;
        match state {
            State::Absent if generation.is_none() && path.is_none() => {
                Ok(Self::Absent { highest_generation })
            }
            State::Absent => Err("an absent profile has neither generation nor path"),
            State::Present => Ok(Self::Present {
                generation,
                path,
                highest_generation,
            }),
            State::Unknown => Ok(Self::Unknown {
                reason: reason.unwrap_or_default(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_always_written() {
        let absent = ProfileState::Absent {
            highest_generation: Some(Generation(3)),
        };
        let text = serde_json::to_string(&absent).unwrap();
        assert_eq!(
            text,
            r#"{"state":"absent","generation":null,"path":null,"highest_generation":3}"#
        );
        assert_eq!(serde_json::from_str::<ProfileState>(&text).unwrap(), absent);
    }

    #[test]
    fn contradictions_are_refused() {
        let text = r#"{"state":"absent","generation":1,"path":null,"highest_generation":3}"#;
        assert!(serde_json::from_str::<ProfileState>(text).is_err());
    }
}
