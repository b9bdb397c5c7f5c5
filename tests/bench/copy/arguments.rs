//! The words of the command line; cargo adds words of its own.

use std::env;

pub(crate) struct Arguments {
    pub(crate) rounds: usize,
    pub(crate) nodes: usize,
    /// What a closure of large paths has, in MiB.
    pub(crate) size: usize,
    /// How many paths a closure of tiny ones has.
    pub(crate) paths: usize,
    /// The latency of a round trip, in milliseconds.
    pub(crate) delay: u64,
    only: Option<String>,
}

impl Arguments {
    pub(crate) fn read() -> Self {
        Self {
            rounds: number("--rounds", 1),
            nodes: number("--nodes", 8),
            size: number("--size", 64),
            paths: number("--paths", 500),
            delay: number("--delay", 50),
            only: value("--only"),
        }
    }

    pub(crate) fn takes(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|words| name.contains(words))
    }
}

fn number<Number: std::str::FromStr>(name: &str, default: Number) -> Number {
    let given = value(name).map(|text| text.parse().ok().expect("a number"));
    given.unwrap_or(default)
}

fn value(name: &str) -> Option<String> {
    env::args().skip_while(|word| word != name).nth(1)
}
