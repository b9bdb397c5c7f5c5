//! Faults at every stage of a run, on real hosts: each must end as tests/faults.toml says.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that panics has failed, and tests start programs by themselves"
)]

mod activation;
mod clock;
mod confirmation;
mod disk;
mod lab;
#[expect(
    dead_code,
    reason = "shared with the other tests, which need more of it"
)]
#[path = "../integration/agent_local/bed.rs"]
mod local;
mod locks;
mod mutants;
mod network;
mod nodes;
mod operator;
mod power;
mod previous;
mod registry;
mod report;
#[expect(
    dead_code,
    reason = "shared with the other tests, which need more of it"
)]
#[path = "../integration/scene.rs"]
mod scene;
mod state;
mod store;
mod suite;
mod table;
#[path = "../integration/testbed/mod.rs"]
mod testbed;
mod users;
