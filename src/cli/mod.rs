//! The shell around the library: arguments, environment, terminal, signals and exit codes.

mod apply;
mod args;
mod context;
mod entry;
mod error;
mod flags;
mod output;
mod plan;
mod plan_source;
mod prompt;
mod show;
mod signals;
mod state;
mod status;

pub use entry::main;
