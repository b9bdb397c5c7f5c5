//! Plans as files. A plan file is untrusted input: strict, limited, and checked as a whole.

use sha2::{Digest, Sha256};

use super::document::{FORMAT_VERSION, Plan};
use super::graph::{GraphError, StepGraph};
use super::json_file::{DOCUMENT_SIZE_MAX, DocumentError, parse_document};

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
    #[error("the plan has {size} bytes, and no plan is larger than {DOCUMENT_SIZE_MAX}")]
    #[diagnostic(code(deploy::plan_file::too_large))]
    TooLarge {
        /// Its size.
        size: u64,
    },
}

impl From<DocumentError> for PlanFileError {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::NotJson { source } => Self::NotJson { source },
            DocumentError::Malformed { place, source } => Self::Malformed { place, source },
            DocumentError::Version { found, .. } => Self::Version { found },
            DocumentError::TooLarge { size } => Self::TooLarge { size },
        }
    }
}

/// Returns the plan that a file holds.
pub fn parse_plan(text: &[u8]) -> Result<Plan, PlanFileError> {
    let plan: Plan = parse_document(text, FORMAT_VERSION)?;
    let found = digest(&plan);
    if found != plan.digest {
        return Err(PlanFileError::Edited {
            expected: plan.digest,
            found,
        });
    }
    StepGraph::new(&plan.steps).map_err(|source| PlanFileError::Steps { source })?;
    let nodes = plan.nodes.iter().map(|node| &node.node);
    let of_profiles = plan.profiles.iter().map(|profile| &profile.node);
    if !nodes.is_sorted_by(|one, next| one < next) || !of_profiles.is_sorted() {
        let why = "the nodes are not in the order of their names";
        return Err(DocumentError::malformed("nodes", why).into());
    }
    // Nix would take it for an option.
    if plan
        .flakes
        .iter()
        .any(|flake| flake.locked.starts_with('-'))
    {
        let why = "no flake reference starts with a dash";
        return Err(DocumentError::malformed("flakes", why).into());
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
