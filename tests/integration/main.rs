//! All tests that run real programs: one binary, so that hosts are booted once.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that panics has failed, and tests start programs by themselves"
)]

mod agent_local;
mod asking;
mod bad_build;
mod bad_flake;
mod bad_node;
mod bad_plan_file;
mod bare;
mod boot_units;
mod caches;
mod check;
mod ci;
mod command_line;
mod counts;
mod cut_copies;
mod deploy_checks;
mod direct_packages;
mod dry_activate;
mod elsewhere;
mod evaluation;
mod examples;
mod file_differences;
mod files;
mod fuzz;
mod gates;
mod generated;
mod generations;
mod home_units;
mod interactive_sudo;
mod layering;
mod legacy_agent;
mod library;
mod limits;
mod local_node;
mod locks;
mod modelled;
mod moved;
mod next_boot;
mod odd_names;
mod order;
mod other_sudo;
mod package;
mod plan_format;
mod recovery;
mod remote_build;
mod remote_builders;
mod roll_back;
mod rollback;
mod saved_plan;
mod scene;
mod security;
mod selection;
mod signatures;
mod smoke;
mod status;
mod sudo_rules;
mod systemd_bed;
mod systemd_boot;
mod systemd_root;
mod systemd_units;
mod systemd_users;
mod targets;
mod testbed;
mod testbed_works;
mod trace;
mod users;
mod ways_in;
mod whole_run;
mod with_deploy_rs;
mod without_access;
