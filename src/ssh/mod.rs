//! SSH: masters of our own, sessions over them, and fresh logins for confirming.
//!
//! Every remote command is a list of words that `quote` turns into text, once. Knows nothing of
//! profiles.

mod error;
mod link;
mod options;
mod quote;

pub use error::{SshError, SshErrorKind};
pub use link::{RemoteFinished, SshLink};
pub use options::{fresh_invocation, master_invocation, nix_ssh_options};
pub use quote::{quote, quote_words};
