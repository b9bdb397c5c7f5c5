//! All tests that run real programs: one binary, so that hosts are booted once.

mod agent_local;
mod testbed;
mod testbed_works;
