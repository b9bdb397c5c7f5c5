//! The words of the command line; cargo adds words of its own.

use std::env;
use std::path::PathBuf;

use super::case::{CASES, Case, LARGE_CASES};

pub(crate) struct Arguments {
    pub(crate) rounds: usize,
    /// The `deploy` of a deploy-rs.
    pub(crate) peer: Option<String>,
    /// The folder for traces of `deploy`.
    pub(crate) traces: Option<PathBuf>,
    only: Option<String>,
}

impl Arguments {
    pub(crate) fn read() -> Self {
        let rounds = value("--rounds").map(|rounds| rounds.parse().expect("a number of rounds"));
        Self {
            rounds: rounds.unwrap_or(5),
            peer: value("--peer"),
            traces: value("--traces").map(PathBuf::from),
            only: value("--only"),
        }
    }

    /// Returns the cases whose names have the words, or all but the large ones.
    pub(crate) fn cases(&self) -> Vec<&'static Case> {
        let Some(words) = &self.only else {
            return CASES.iter().collect();
        };
        let all = CASES.iter().chain(&LARGE_CASES);
        all.filter(|case| case.name.contains(words)).collect()
    }
}

fn value(name: &str) -> Option<String> {
    env::args().skip_while(|word| word != name).nth(1)
}
