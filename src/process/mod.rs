//! The only place that starts children.
//!
//! Every child has its own process group, which is ended when its time limit passes or when the
//! future that waits for it is dropped, so that nothing is left behind. Knows neither Nix nor ssh.

mod group;
mod invocation;
mod run;
mod tail;

pub use group::ProcessGroup;
pub use invocation::Invocation;
pub use run::{Finished, ProcessError, run, run_with};
pub use tail::Tail;
