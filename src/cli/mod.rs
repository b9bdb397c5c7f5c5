//! The shell around the library: arguments, environment, terminal, signals and exit codes.

mod apply;
mod args;
mod bare;
mod bare_args;
mod carry_out;
mod check;
mod context;
mod dry_run;
mod entry;
mod error;
mod evaluators;
mod flags;
mod look;
mod memory;
mod origin;
mod output;
mod plan;
mod plan_source;
mod preparation;
mod prompt;
mod results;
mod rollback;
mod saved;
mod show;
mod signals;
mod state;
mod status;
mod trace_file;
mod unlock;

pub use entry::main;
