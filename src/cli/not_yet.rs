//! Flags that are read and not carried out by this version: refused, never ignored.

use super::error::CliError;

/// Refuses those of these flags that were given.
pub(super) fn refuse(flags: &[(&str, bool)]) -> Result<(), CliError> {
    match flags.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => Err(CliError::usage(
            format!("{flag} is not carried out by this version of deploy"),
            "nothing was changed; leave the flag out",
        )),
    }
}
