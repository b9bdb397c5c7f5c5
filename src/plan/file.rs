//! Plans as files. A plan file is untrusted input: strict, limited, and checked as a whole.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::document::{FORMAT_VERSION, Plan};
use super::graph::{GraphError, StepGraph};

/// The largest plan file that is read, in bytes.
pub const PLAN_SIZE_MAX: u64 = 256 << 20;

/// A file that is no plan, or not one that can be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PlanFileError {
    /// Not JSON, or cut short.
    #[error("the plan is not complete JSON")]
    #[diagnostic(
        code(deploy::plan_file::not_json),
        help("make it again with `deploy plan --out FILE`")
    )]
    NotJson {
        /// What the parser said.
        source: serde_json::Error,
    },
    /// JSON, but no plan.
    #[error("the plan is not well formed at `{place}`")]
    #[diagnostic(
        code(deploy::plan_file::malformed),
        help("make it again with `deploy plan --out FILE`")
    )]
    Malformed {
        /// Where.
        place: String,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// Of another format.
    #[error("the plan has format version {found}, but this deploy reads version {FORMAT_VERSION}")]
    #[diagnostic(
        code(deploy::plan_file::version),
        help("apply it with the version of deploy that made it, or make it again with this one")
    )]
    Version {
        /// The version found.
        found: String,
    },
    /// Changed since it was made.
    #[error(
        "the plan was changed after it was made: its digest is {found}, but it says {expected}"
    )]
    #[diagnostic(
        code(deploy::plan_file::edited),
        help("a plan is applied exactly as it was reviewed; change the flake and plan again")
    )]
    Edited {
        /// What it says.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Its steps make no sense.
    #[error("the steps of the plan cannot be run")]
    #[diagnostic(
        code(deploy::plan_file::steps),
        help("make it again with `deploy plan --out FILE`")
    )]
    Steps {
        /// What is wrong.
        #[source]
        source: GraphError,
    },
    /// Too large.
    #[error("the plan has {size} bytes, and no plan is larger than {PLAN_SIZE_MAX}")]
    #[diagnostic(code(deploy::plan_file::too_large))]
    TooLarge {
        /// Its size.
        size: u64,
    },
}

#[derive(Deserialize)]
struct Probe {
    format_version: Option<serde_json::Value>,
}

/// Returns the plan that a file holds.
pub fn parse_plan(text: &[u8]) -> Result<Plan, PlanFileError> {
    if text.len() as u64 > PLAN_SIZE_MAX {
        return Err(PlanFileError::TooLarge {
            size: text.len() as u64,
        });
    }
    // serde takes a list for a struct, by position.
    if text.trim_ascii_start().starts_with(b"[") {
        return Err(PlanFileError::Malformed {
            place: ".".to_owned(),
            source: serde::de::Error::custom("a plan is an object, not a list"),
        });
    }
    let not_json = |source: serde_json::Error| match source.classify() {
        serde_json::error::Category::Data => PlanFileError::Malformed {
            place: ".".to_owned(),
            source,
        },
        _ => PlanFileError::NotJson { source },
    };
    let probe: Probe = serde_json::from_slice(text).map_err(not_json)?;
    match probe.format_version {
        Some(version) if version == FORMAT_VERSION => {}
        Some(version) => {
            return Err(PlanFileError::Version {
                found: version.to_string(),
            });
        }
        None => {
            return Err(PlanFileError::Version {
                found: "none".to_owned(),
            });
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let plan: Plan = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        PlanFileError::Malformed {
            place: error.path().to_string(),
            source: error.into_inner(),
        }
    })?;
    let found = digest(&plan);
    if found != plan.digest {
        return Err(PlanFileError::Edited {
            expected: plan.digest,
            found,
        });
    }
    StepGraph::new(&plan.steps).map_err(|source| PlanFileError::Steps { source })?;
    // Nix would take it for an option.
    if plan
        .flakes
        .iter()
        .any(|flake| flake.locked.starts_with('-'))
    {
        return Err(PlanFileError::Malformed {
            place: "flakes".to_owned(),
            source: serde::de::Error::custom("no flake reference starts with a dash"),
        });
    }
    Ok(plan)
}

/// Returns the plan's text: JSON, indented, with a line end.
pub fn render_plan(plan: &Plan) -> String {
    // The types of a plan have string keys only, so that this cannot fail.
    let mut text = serde_json::to_string_pretty(plan).unwrap_or_default();
    text.push('\n');
    text
}

/// Returns the SHA-256 of everything in the plan but its own digest, in hexadecimal.
pub fn digest(plan: &Plan) -> String {
    let text = render_plan(&Plan {
        digest: String::new(),
        ..plan.clone()
    });
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::new(), |digits, byte| {
            digits + &format!("{byte:02x}")
        })
}
