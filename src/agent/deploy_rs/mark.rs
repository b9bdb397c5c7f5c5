//! The mark that a dry run leaves: which run of the profile was the last one then.
//!
//! Where a dry run fails on one node, deploy-rs's client asks those on which it went well to take
//! their last activation back. That is one of an earlier day, which nobody wants to lose.

use std::fmt;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::agent::error::AgentError;
use crate::agent::folder::Folder;
use crate::agent::journal;
use crate::model::{Operator, RunId};

const NAME: &str = "dry-run.json";

/// That a dry run was asked for when this run was the last one. It says nothing of later ones.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Mark {
    run: RunId,
    operator: Operator,
}

impl Mark {
    /// Marks the profile's last run. Where there was none, nothing can be taken back either, and
    /// nothing is written.
    pub(super) fn leave(folder: &Folder, operator: Operator) -> Result<(), AgentError> {
        let Some(last) = journal::load(folder)? else {
            return Ok(());
        };
        folder.check()?;
        let run = last.run;
        serde_json::to_string(&Self { run, operator })
            .map_err(io::Error::from)
            .and_then(|text| folder.replace(NAME, &(text + "\n")))
            .map_err(AgentError::file("write", &folder.file(NAME)))
    }

    /// Returns the mark on this run, none where it has none.
    pub(super) fn on(folder: &Folder, run: &RunId) -> Result<Option<Self>, AgentError> {
        let path = folder.file(NAME);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(AgentError::file("read", &path))?,
        };
        let mark: Self = serde_json::from_str(&text)
            .map_err(io::Error::from)
            .map_err(AgentError::file("read", &path))?;
        Ok((mark.run == *run).then_some(mark))
    }

    /// Returns whether it was this operator's dry run.
    pub(super) fn is_of(&self, operator: &Operator) -> bool {
        self.operator == *operator
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, operator } = self;
        write!(
            formatter,
            "{operator} has made a dry run of this profile since run {run}, and a dry run changes \
             nothing"
        )
    }
}
