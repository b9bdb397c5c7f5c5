//! Reading what of a system in the operator's store only a reboot changes.

use std::fs::{File, canonicalize};
use std::io::{self, Read};
use std::path::Path;

use crate::model::StorePath;
use crate::plan::{LINKED_PARTS, SystemParts, TEXT_PARTS};

/// As much as is read of a node's.
const TEXT_MAX: u64 = 65_536;

/// Returns the parts of a system; none of what is no system, or is not there.
pub fn system_parts(path: &StorePath) -> SystemParts {
    let folder = Path::new(path.as_str());
    let mut parts = SystemParts::default();
    for name in LINKED_PARTS {
        if let Ok(file) = canonicalize(folder.join(name)) {
            parts.insert(name, &file.to_string_lossy());
        }
    }
    for name in TEXT_PARTS {
        let text =
            File::open(folder.join(name)).and_then(|file| io::read_to_string(file.take(TEXT_MAX)));
        if let Ok(text) = text {
            parts.insert(name, &text);
        }
    }
    parts
}
