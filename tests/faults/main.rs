//! Faults at every stage of a run, on real hosts: each must end as tests/faults.toml says.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod table;
