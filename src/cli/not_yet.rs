//! Flags that are read and not carried out by this version: refused, never ignored.

use super::args::{ApplyArgs, CopyArgs, LogArgs, ResultArgs};
use super::error::CliError;

/// Refuses what `apply` cannot do yet.
pub(super) fn check_apply(args: &ApplyArgs) -> Result<(), CliError> {
    let CopyArgs { checksigs } = args.copy;
    let ResultArgs {
        keep_result,
        result_path,
    } = &args.result;
    let LogArgs {
        debug_logs,
        log_dir,
    } = &args.logs;
    refuse(&[
        ("--checksigs", checksigs),
        ("--keep-result", *keep_result),
        ("--result-path", result_path.is_some()),
        ("--debug-logs", *debug_logs),
        ("--log-dir", log_dir.is_some()),
    ])
}

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
