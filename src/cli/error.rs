//! Errors of the command line, and the exit code that each leads to.

use std::io;
use std::path::Path;

use miette::Diagnostic;

use crate::apply::{AgentError, Exit};
use crate::config::{ConfigError, TargetError};
use crate::nix::NixError;
use crate::plan::{DocumentError, GraphError, PlanFileError};
use crate::planner::{OutputsError, PlannerError};

/// A command that could not do what it should.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(super) enum CliError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Nix(#[from] NixError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Outputs(OutputsError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Planner(PlannerError),
    #[error("{path} cannot be used")]
    #[diagnostic(code(deploy::cli::plan_file))]
    PlanFile {
        path: String,
        #[source]
        #[diagnostic_source]
        source: PlanFileError,
    },
    #[error("the observations {path} cannot be used")]
    #[diagnostic(
        code(deploy::cli::observations),
        help("make them with `deploy status --out FILE`")
    )]
    Observations {
        path: String,
        #[source]
        source: DocumentError,
    },
    #[error(transparent)]
    #[diagnostic(code(deploy::cli::target))]
    Target(#[from] TargetError),
    #[error("the steps of the plan cannot be run")]
    #[diagnostic(code(deploy::cli::steps))]
    Steps(#[from] GraphError),
    #[error("{message}")]
    #[diagnostic(code(deploy::cli::usage), help("{help}"))]
    Usage { message: String, help: String },
    #[error("{message}")]
    #[diagnostic(code(deploy::cli::refused), help("{help}"))]
    Refused {
        message: String,
        help: String,
        exit: Exit,
    },
    #[error("the plan is denied\n{lines}")]
    #[diagnostic(
        code(deploy::cli::denied),
        help("change the flake, or leave the gate out if this is meant")
    )]
    Denied { lines: String },
    #[error("{doing}: {path}")]
    #[diagnostic(code(deploy::cli::file))]
    Io {
        doing: &'static str,
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("interrupted; nothing was changed")]
    #[diagnostic(code(deploy::cli::interrupted))]
    Interrupted,
}

impl From<PlannerError> for CliError {
    fn from(error: PlannerError) -> Self {
        match error {
            PlannerError::Config(error) => Self::Config(error),
            PlannerError::Nix(error) => Self::Nix(error),
            other => Self::Planner(other),
        }
    }
}

impl From<OutputsError> for CliError {
    fn from(error: OutputsError) -> Self {
        match error {
            OutputsError::Planner(error) => error.into(),
            error => Self::Outputs(error),
        }
    }
}

impl CliError {
    /// A command line that cannot be carried out.
    pub(super) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            help: help.into(),
        }
    }

    /// Something that was refused before anything was changed.
    pub(super) fn refused(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            help: help.into(),
            exit,
        }
    }

    /// A file or folder that cannot be used.
    pub(super) fn io(doing: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io {
            doing,
            path: path.as_ref().display().to_string(),
            source,
        }
    }

    /// Returns the exit code.
    pub(super) fn exit_code(&self) -> u8 {
        const BAD_COMMAND_LINE: u8 = 64;
        const DENIED: u8 = 6;
        match self {
            Self::Usage { .. }
            | Self::Target(_)
            | Self::Config(ConfigError::SeveralNodes { .. }) => BAD_COMMAND_LINE,
            Self::Refused { exit, .. } => exit.code(),
            Self::Denied { .. } => DENIED,
            Self::Interrupted => Exit::Interrupted.code(),
            _ => Exit::Failed.code(),
        }
    }

    /// Returns what Nix said, to be shown as it is: its own layout must not be wrapped.
    pub(super) fn verbatim(&self) -> Option<&str> {
        match self {
            Self::Nix(error) | Self::Agent(AgentError::Nix(error)) => error.said(),
            _ => None,
        }
    }
}
