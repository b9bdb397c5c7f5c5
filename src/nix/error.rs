//! What can go wrong with Nix on the operator's machine.

use miette::Diagnostic;

use super::bad_nodes::BadNodes;
use crate::config::Origin;
use crate::process::ProcessError;

/// A call of Nix that did not give what it should.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum NixError {
    /// Nix is not there.
    #[error("{doing} needs Nix, which could not be started here")]
    #[diagnostic(
        code(deploy::nix::missing),
        help("install Nix, or put its programs on PATH")
    )]
    Missing {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: ProcessError,
    },
    /// Nix could not be run to its end.
    #[error("{doing} failed")]
    #[diagnostic(code(deploy::nix::process))]
    Process {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: ProcessError,
    },
    /// Nix said no.
    #[error("{doing} failed")]
    #[diagnostic(code(deploy::nix::failed))]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// Nix's own words.
        stderr: String,
    },
    /// The flake has no `deploy` attribute.
    #[error("{origin} has no `deploy` attribute")]
    #[diagnostic(
        code(deploy::nix::no_deploy),
        help(
            "add `deploy.nodes.<node> = {{ hostname = …; profiles.<profile> = {{ path = …; }}; }};` to its outputs"
        )
    )]
    NoDeploy {
        /// Where the fleet is described.
        origin: Origin,
    },
    /// The flake cannot be evaluated.
    #[error("{origin} does not evaluate")]
    #[diagnostic(code(deploy::nix::evaluation), help("nothing was changed on any node"))]
    Evaluation {
        /// Where the fleet is described.
        origin: Origin,
        /// Nix's own words, whole.
        message: String,
    },
    /// Some of its nodes cannot be evaluated.
    #[error("{} of {origin} {} not evaluate", .bad.names(), if .bad.is_one() { "does" } else { "do" })]
    #[diagnostic(
        code(deploy::nix::nodes),
        help("nothing was changed on any node{}", .bad.not_tried())
    )]
    Nodes {
        /// Where the fleet is described.
        origin: Origin,
        /// The nodes, with Nix's own words.
        bad: BadNodes,
    },
    /// A check of the flake failed.
    #[error("the checks of {origin} failed")]
    #[diagnostic(
        code(deploy::nix::checks),
        help("nothing was changed on any node; mend the flake, or leave its checks out")
    )]
    Checks {
        /// Where the fleet is described.
        origin: Origin,
        /// Nix's own words, whole.
        message: String,
    },
    /// The flake changed under the evaluation.
    #[error("{origin} was changed while it was evaluated")]
    #[diagnostic(code(deploy::nix::changed), help("run the command again"))]
    Changed {
        /// Where the fleet is described.
        origin: Origin,
    },
    /// Nix printed something else than documented.
    #[error("{doing} gave something unexpected")]
    #[diagnostic(
        code(deploy::nix::unexpected),
        help("this is a bug of deploy, or a version of Nix that it does not know")
    )]
    Unexpected {
        /// What was being done.
        doing: &'static str,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}

impl NixError {
    /// Returns Nix's own words, where it said some.
    pub fn said(&self) -> Option<&str> {
        match self {
            Self::Failed { stderr, .. } => Some(stderr),
            Self::Nodes { bad, .. } => Some(bad.said()),
            Self::Evaluation { message, .. } | Self::Checks { message, .. } => Some(message),
            _ => None,
        }
    }
}
