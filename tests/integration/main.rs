//! All tests that run real programs: one binary, so that hosts are booted once.

mod agent_local;
mod bad_build;
mod bad_flake;
mod bad_node;
mod bad_plan_file;
mod odd_names;
mod rollback;
mod saved_plan;
mod scene;
mod smoke;
mod testbed;
mod testbed_works;
mod users;
