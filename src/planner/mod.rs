//! The engine behind `deploy plan`: evaluate, read the nodes, build what changed, compare.
//!
//! Everything that can overlap does: nodes are read while Nix still evaluates, and their closures
//! are read at the same time. Prints nothing.

mod against;
mod build;
mod changes;
mod checks;
mod closures;
mod evaluation;
mod files;
mod make_plan;
mod observation;
mod on_node;
mod outputs;
mod roll_back;
mod units;

pub use against::Against;
pub use changes::FailedBuild;
pub use checks::with_checks;
pub use closures::current_closures;
pub use make_plan::{
    FleetsRead, MadePlan, PlanRequest, PlannerError, make_plan, plan_changes, read_fleets,
};
pub use observation::observe_nodes;
pub use outputs::{OutputsError, restore_outputs};
pub use roll_back::{Stuck, plan_roll_back};

use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::apply::{Agents, EventSink};
use crate::host::ConnectionPool;
use crate::model::{RunId, UserName};

/// What planning needs of the world.
#[derive(Debug, Clone)]
pub struct PlannerContext {
    /// The connections, which apply goes on using.
    pub pool: Arc<ConnectionPool>,
    /// The agents that can be sent to nodes.
    pub agents: Arc<Agents>,
    /// The operator's own system, such as `x86_64-linux`.
    pub system: String,
    /// The operator's own login name.
    pub login: UserName,
    /// A random text that marks the answers of nodes.
    pub mark: RunId,
    /// How many logins are made at the same time.
    pub logins: NonZeroUsize,
    /// Most builds at the same time; as many as Nix likes where there is no limit.
    pub builds: Option<NonZeroUsize>,
    /// Where facts go.
    pub sink: EventSink,
}
