//! Why an activation could not begin, in sentences for the operator.

use std::io;

use crate::model::{AbsolutePath, Generation, RunId, StorePath};
use crate::process::ProcessError;
use crate::protocol::FailureReason;

/// Something that ends a command of the agent before it changed anything.
#[derive(Debug, thiserror::Error)]
pub(super) enum AgentError {
    /// The request is not one of this protocol.
    #[error(
        "the operator speaks protocol {found} and this agent speaks {expected}; \
         nothing was changed. Use a `deploy` and an agent of the same version"
    )]
    Protocol {
        /// The version found.
        found: u64,
        /// The version needed.
        expected: u32,
    },
    /// The request cannot be read.
    #[error("the request is not valid: {source}; nothing was changed")]
    Request {
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}; nothing was changed{help}")]
    File {
        /// What was tried, such as "create".
        action: &'static str,
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
        /// What to do, beginning with ". " where there is something.
        help: &'static str,
    },
    /// A folder that others can write to would let them interfere.
    #[error(
        "{path} {problem}, so somebody else could interfere with the activation; nothing was \
         changed. Remove it, or give it to the profile's user with mode 0755"
    )]
    UnsafeFolder {
        /// The folder.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The journal cannot be used.
    #[error(
        "the journal {path} of an earlier activation {problem}; nothing was changed. Compare the \
         profile with what you expect, then remove that file and deploy again"
    )]
    Journal {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An earlier activation cannot be ended.
    #[error(
        "the interrupted activation of run {run} still runs and cannot be ended: {problem}; \
         nothing was changed. End it by hand and deploy again"
    )]
    StillRunning {
        /// The earlier run.
        run: RunId,
        /// Why.
        problem: String,
    },
    /// Going back after an interrupted run failed.
    #[error(
        "the interrupted run {run} could not be taken back completely: {detail}. This run changed \
         nothing. Look at the node; a further deployment starts from what is there now"
    )]
    RecoveryFailed {
        /// The earlier run.
        run: RunId,
        /// Why it had to be taken back.
        reason: Box<FailureReason>,
        /// What failed.
        detail: String,
    },
    /// Copied paths cannot be rooted.
    #[error("cannot keep the copied paths from garbage collection: {detail}; nothing was changed")]
    NotKept {
        /// What Nix said.
        detail: String,
    },
    /// The profile cannot be read.
    #[error("cannot read the profile {path}: {source}; nothing was changed")]
    Profile {
        /// The profile link.
        path: AbsolutePath,
        /// Why.
        source: io::Error,
    },
    /// The target is not there.
    #[error(
        "{target} is not valid on this node (removed by a garbage collection?); nothing was \
         changed. Copy it again"
    )]
    MissingTarget {
        /// The target.
        target: StorePath,
    },
    /// The target has no activation program.
    #[error(
        "{target} has no activation: none of deploy-rs-activate, bin/switch-to-configuration and \
         activate is an executable there; nothing was changed"
    )]
    NoActivation {
        /// The target.
        target: StorePath,
    },
    /// There is nothing that could prepare the target for a boot.
    #[error(
        "{target} cannot be prepared for the next boot: its `activate` only activates at once; \
         nothing was changed. Leave the profile out, or activate it without --boot"
    )]
    NoBoot {
        /// The target.
        target: StorePath,
    },
    /// The generation to switch to is not there, or is another one than planned.
    #[error(
        "generation {generation} of {profile} is not {target} (any more); nothing was changed. \
         Plan again"
    )]
    NoGeneration {
        /// The profile link.
        profile: AbsolutePath,
        /// The generation.
        generation: Generation,
        /// What it should be.
        target: StorePath,
    },
    /// A program could not be run.
    #[error("{}; nothing was changed", chain(.0))]
    Process(#[from] ProcessError),
    /// No home folder is known.
    #[error("no home folder is known: HOME is not set and the user database has none")]
    NoHome,
}

impl AgentError {
    /// Returns a function that makes an error of a failed file operation.
    pub(super) fn file(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| {
            let help = match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    ". Deploy this profile as the user that owns its folder"
                }
                io::ErrorKind::StorageFull => ". Make room on that file system",
                io::ErrorKind::ReadOnlyFilesystem => ". Mount that file system writable",
                _ => "",
            };
            Self::File {
                action,
                path,
                source,
                help,
            }
        }
    }
}

/// Returns an error's message followed by those of its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
