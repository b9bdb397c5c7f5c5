//! What the operator asks of the agent, and the command line that carries it.

use serde::{Deserialize, Serialize};

use super::{
    AgentMessage, ConfirmReply, DryRunMessage, Handshake, Hold, Reading, parse_line, to_line,
};
use crate::model::{
    AbsolutePath, Generation, OnDegraded, Operator, ProfileState, RunId, StorePath,
};

/// One activation: the argument of `activate start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a decision of its own"
)]
pub struct ActivationRequest {
    /// [`super::PROTOCOL_VERSION`] of the operator.
    pub protocol: u32,
    /// The run that this activation belongs to.
    pub run: RunId,
    /// Who started the run.
    pub operator: Operator,
    /// The profile link.
    pub profile_path: AbsolutePath,
    /// What the plan saw; anything else found under the lock is refused as stale.
    pub expected: ProfileState,
    /// The store path that the profile shall have.
    pub target: StorePath,
    /// The existing generation to switch to, as `deploy rollback` does; a new one is set where
    /// absent.
    pub generation: Option<Generation>,
    /// Activate also when the link already resolves to the target.
    pub reactivate: bool,
    /// Only prepare the target for the next boot: nothing is activated, nobody confirms.
    pub next_boot: bool,
    /// Go back when the activation fails.
    pub auto_rollback: bool,
    /// Wait for a confirmation, and go back without one.
    pub magic_rollback: bool,
    /// What to do when some units have failed.
    pub on_degraded: OnDegraded,
    /// Folder for the confirmation; beside the profile where absent.
    pub temp_path: Option<AbsolutePath>,
    /// Most seconds that the activation may take; no limit where absent.
    pub activation_timeout: Option<u64>,
    /// Seconds to wait for the confirmation, counted from the end of the activation.
    pub confirm_timeout: u64,
    /// Seconds to wait for the profile's lock; 0 fails at once.
    pub lock_timeout: u64,
}

/// A call of the agent: what becomes its command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentCommand {
    /// Does the agent start here, and which protocol does it speak? Answers [`super::Handshake`].
    Handshake,
    /// Keep these paths from garbage collection until `Release`. Answers [`super::Hold`].
    Hold {
        /// The run that needs the paths.
        run: RunId,
        /// The paths.
        paths: Vec<StorePath>,
    },
    /// Drop what `Hold` of this run kept. Answers nothing.
    Release {
        /// The run that ended.
        run: RunId,
    },
    /// Read profiles as the calling user. Answers one [`Reading`] line per profile, in order.
    Read {
        /// The profile links.
        profile_paths: Vec<AbsolutePath>,
    },
    /// Let a closure say what its activation would do. Changes nothing: no profile is named.
    /// Answers [`super::DryRunMessage`] lines.
    DryRun {
        /// The closure.
        target: StorePath,
        /// Most seconds that it may take; no limit where absent.
        time_limit: Option<u64>,
    },
    /// Activate detached from this connection, and follow it: [`super::AgentMessage`] lines.
    Start(Box<ActivationRequest>),
    /// Follow an activation that runs already, or tell how it ended: [`super::AgentMessage`] lines.
    Attach {
        /// The run.
        run: RunId,
        /// The profile link.
        profile_path: AbsolutePath,
    },
    /// Prove that the node can be reached and governed. Answers [`super::ConfirmReply`].
    Confirm {
        /// The run.
        run: RunId,
        /// The profile link.
        profile_path: AbsolutePath,
    },
    /// Take back what this run made of the profile, if it still is that. Answers like `Start`.
    Revoke {
        /// The run.
        run: RunId,
        /// The profile link.
        profile_path: AbsolutePath,
    },
    /// Finish what an agent that died has left of the profile, and nothing else. Answers like
    /// `Start`, with `AlreadyDone` at the end.
    Recover {
        /// The run that asks.
        run: RunId,
        /// The profile link.
        profile_path: AbsolutePath,
    },
}

impl AgentCommand {
    /// Returns whether a line is one of this command's answers, in this version of the protocol. A
    /// login may print text of its own, and another agent may speak otherwise.
    pub fn is_answer(&self, line: &str) -> bool {
        match self {
            Self::Handshake => parse_line::<Handshake>(line).is_ok(),
            Self::Hold { .. } => parse_line::<Hold>(line).is_ok(),
            Self::Release { .. } => false,
            Self::Read { .. } => parse_line::<Reading>(line).is_ok(),
            Self::DryRun { .. } => parse_line::<DryRunMessage>(line).is_ok(),
            Self::Confirm { .. } => parse_line::<ConfirmReply>(line).is_ok(),
            Self::Start(_) | Self::Attach { .. } | Self::Revoke { .. } | Self::Recover { .. } => {
                parse_line::<AgentMessage>(line).is_ok()
            }
        }
    }

    /// Returns the arguments that follow the agent's path.
    pub fn arguments(&self) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        match self {
            Self::Handshake => words(&["handshake"]),
            Self::Hold { run, paths } => {
                let mut arguments = words(&["hold", run.as_str()]);
                arguments.extend(paths.iter().map(ToString::to_string));
                arguments
            }
            Self::Release { run } => words(&["release", run.as_str()]),
            Self::Read { profile_paths } => {
                let mut arguments = words(&["read"]);
                arguments.extend(profile_paths.iter().map(ToString::to_string));
                arguments
            }
            Self::DryRun { target, time_limit } => {
                let mut arguments = words(&["dry-run", target.as_str()]);
                arguments.extend(time_limit.map(|limit| format!("--time-limit={limit}")));
                arguments
            }
            Self::Start(request) => words(&["start", &to_line(request)]),
            Self::Attach { run, profile_path } => {
                words(&["attach", run.as_str(), profile_path.as_str()])
            }
            Self::Confirm { run, profile_path } => {
                words(&["confirm", run.as_str(), profile_path.as_str()])
            }
            Self::Revoke { run, profile_path } => {
                words(&["revoke", run.as_str(), profile_path.as_str()])
            }
            Self::Recover { run, profile_path } => {
                words(&["recover", run.as_str(), profile_path.as_str()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_answers_are_answers() {
        let run = RunId::from_bytes([1; 16]);
        let profile_path: AbsolutePath = "/p/x".parse().unwrap();
        let confirm = AgentCommand::Confirm {
            run: run.clone(),
            profile_path: profile_path.clone(),
        };
        let attach = AgentCommand::Attach { run, profile_path };
        let reply = to_line(&ConfirmReply::Confirmed);
        let hello = to_line(&AgentMessage::Hello {
            protocol: super::super::PROTOCOL_VERSION,
            log: String::new(),
        });
        assert!(confirm.is_answer(&reply) && !attach.is_answer(&reply));
        assert!(attach.is_answer(&hello) && !confirm.is_answer(&hello));
        for other in ["", "Welcome!", "{}", r#"{"reply":"of another protocol"}"#] {
            assert!(
                !confirm.is_answer(other) && !attach.is_answer(other),
                "{other}"
            );
        }
    }
}
