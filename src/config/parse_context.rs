//! What checking a fleet needs to know beside the fleet.

use super::selection::Selection;
use crate::model::{FlagSettings, UserName};

/// What is the same for every node of one flake.
#[derive(Debug, Clone)]
pub struct ParseContext<'a> {
    /// The flake, and what was selected from it.
    pub selection: &'a Selection,
    /// What the command line overrides.
    pub flags: &'a FlagSettings,
    /// The operator's own login name, the default of `sshUser`.
    pub login: &'a UserName,
}
