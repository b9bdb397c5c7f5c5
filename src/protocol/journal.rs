//! The journal: what an activation is about to do, written before it does it.
//!
//! It lies at `.deploy/<profile>/journal.json` beside the profile link. After a crash or a power
//! loss it is all that is known, so it holds everything that going back needs.

use serde::{Deserialize, Serialize};

use crate::model::{AbsolutePath, Generation, Operator, ProfileState, RunId, StorePath};

/// The version of [`Journal`]'s format.
pub const JOURNAL_VERSION: u32 = 1;

/// One activation of one profile, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that going back needs"
)]
pub struct Journal {
    /// [`JOURNAL_VERSION`] of the writer.
    pub format_version: u32,
    /// The run.
    pub run: RunId,
    /// Who started it.
    pub operator: Operator,
    /// The profile link.
    pub profile_path: AbsolutePath,
    /// Everything as it was before.
    pub previous: Previous,
    /// The store path that is being activated.
    pub target: StorePath,
    /// The generation that setting the profile makes or takes up.
    pub generation: Option<Generation>,
    /// Whether setting the profile is part of this activation; not when the link was at the target.
    pub sets_profile: bool,
    /// What comes first: setting the profile, or the confirmation.
    pub order: Order,
    /// What is being done, or was done last.
    pub phase: Phase,
    /// The agent's process.
    pub agent: ProcessIdentity,
    /// The activation's process, once it was started.
    pub activation: Option<ActivationProcess>,
    /// Seconds since 1970 at which an unconfirmed activation goes back; for people to read.
    pub deadline: Option<u64>,
    /// The boot that this happened in.
    pub boot_id: Option<String>,
    /// What had failed, once something has.
    pub failure: Option<super::FailureReason>,
    /// Whether the activation program was started, so that going back re-activates the previous.
    pub activated: bool,
    /// Whether a program was started that makes the node boot the target.
    pub wrote_boot_entry: bool,
    /// Whether some units have failed under an activation that is kept all the same.
    pub degraded: bool,
    /// Whether the node was rebooted to get away from the target. Never done twice.
    pub rebooted: bool,
    /// The folder in which this run's confirmation is awaited, once it is.
    pub confirm_folder: Option<AbsolutePath>,
    /// The file whose removal confirms too, where deploy-rs's client has started this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<AbsolutePath>,
    /// Most seconds that an activation may take, the one that goes back included.
    pub activation_timeout: Option<u64>,
}

/// A profile and its node before an activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// The text of the profile link, none where there was no link.
    pub link: Option<String>,
    /// What the link meant.
    pub state: ProfileState,
    /// The numbers of all generations that were there.
    pub generations: Vec<Generation>,
    /// What `/run/current-system` resolved to.
    pub current_system: Option<String>,
}

/// What comes first in an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The profile is set, then activated through its link, then confirmed. The only one that
    /// deploy-rs and its closures know.
    SetFirst,
    /// The target is tried and confirmed while the profile and the boot entry still are the old
    /// ones, so that a reset leads back to those.
    ConfirmFirst,
    /// The profile is set, then prepared for the next boot, where it has to prove itself. Nothing
    /// is activated.
    NextBoot,
}

/// The phases of an activation, in the order in which they can follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Everything is recorded, nothing is changed.
    Prepared,
    /// The profile is being set.
    Setting,
    /// The activation runs.
    Activating,
    /// It succeeded and waits for its confirmation.
    Waiting,
    /// It is confirmed, or needed no confirmation, and is being made permanent: profile, then boot
    /// entry. Whoever finds this goes on, not back. Only where the confirmation comes first.
    Committing,
    /// It is confirmed, or needed no confirmation. It stays.
    Confirmed,
    /// It is being taken back.
    RollingBack,
    /// It was taken back; everything is as before.
    RolledBack,
    /// It failed and was left, since `autoRollback` is off.
    LeftFailed,
    /// Going back failed; a person is needed.
    RollbackFailed,
}

impl Phase {
    /// Returns whether an activation that ends here needs something done by whoever comes next.
    pub fn is_pending(self) -> bool {
        matches!(
            self,
            Self::Prepared
                | Self::Setting
                | Self::Activating
                | Self::Waiting
                | Self::Committing
                | Self::RollingBack
        )
    }

    /// Returns whether an activation that has come here was taken for a success.
    pub fn is_after_activation(self) -> bool {
        matches!(self, Self::Waiting | Self::Committing | Self::Confirmed)
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(match self {
            Self::Prepared => "prepared",
            Self::Setting => "setting the profile",
            Self::Activating => "activating",
            Self::Waiting => "waiting for confirmation",
            Self::Committing => "confirmed, being made permanent",
            Self::Confirmed => "confirmed",
            Self::RollingBack => "rolling back",
            Self::RolledBack => "rolled back",
            Self::LeftFailed => "failed, left as it is",
            Self::RollbackFailed => "rollback failed",
        })
    }
}

/// A process that can be told from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessIdentity {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks since boot: field 22 of `/proc/<pid>/stat`, 0 where there is none.
    pub start_time: u64,
}

/// What runs the activation program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ActivationProcess {
    /// A process group, by its leader.
    Group {
        /// The leader.
        leader: ProcessIdentity,
        /// The control group of the agent's own systemd unit, which holds nothing else.
        #[serde(default)]
        cgroup: Option<String>,
    },
    /// A transient systemd unit.
    Unit {
        /// Its name.
        name: String,
    },
}
