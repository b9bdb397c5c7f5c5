//! Wall-clock time for people.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the seconds since 1970.
pub(super) fn seconds_since_epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
