//! Reading nodes: one script and one answer per connection, without locks, without root, and
//! without writing anything on the node.

mod answer;
#[cfg(test)]
mod answer_tests;
mod closures;
mod files;
mod node;
mod profile_answer;
mod script;
mod units;

pub use closures::{ClosuresQuestion, NodeClosures, read_closures};
pub use files::{FilePlace, FileReader};
pub use node::observe_node;
pub use units::UnitsQuestion;
