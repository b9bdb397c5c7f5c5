//! What a command writes, kept in files of the bed. Files, not pipes: whoever outlives the
//! command with its output open holds nothing up.

use std::fs::{self, File};
use std::path::Path;

use tempfile::NamedTempFile;

/// The two outputs of a command, readable while it runs.
pub(crate) struct Capture {
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

impl Capture {
    /// Makes the files in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let file = || NamedTempFile::new_in(folder).expect("a file for the output");
        Self {
            stdout: file(),
            stderr: file(),
        }
    }

    /// Returns what the command is to write to: standard output and standard error.
    pub(crate) fn writers(&self) -> (File, File) {
        let writer = |file: &NamedTempFile| file.reopen().expect("opening the file for the output");
        (writer(&self.stdout), writer(&self.stderr))
    }

    pub(crate) fn stdout(&self) -> String {
        contents(&self.stdout)
    }

    pub(crate) fn stderr(&self) -> String {
        contents(&self.stderr)
    }
}

fn contents(file: &NamedTempFile) -> String {
    let bytes = fs::read(file.path()).expect("reading the output");
    String::from_utf8_lossy(&bytes).into_owned()
}
