//! What is measured.

use super::arguments::Arguments;

/// Over how many paths a load of large ones is spread.
const LARGE_PATHS: usize = 16;
/// A line with latency carries so many times less.
const SLOWER: usize = 10;

/// A closure that all nodes get.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) load: Load,
    /// The latency of a round trip, in milliseconds.
    pub(crate) delay: u64,
}

#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// A few paths of so many MiB in all, which do not compress.
    Large(usize),
    /// So many tiny paths.
    Tiny(usize),
}

/// Returns the cases whose names have the words that were asked for.
pub(crate) fn all(arguments: &Arguments) -> Vec<Case> {
    let (size, paths) = (arguments.size, arguments.paths);
    let loads = [
        (Load::Large(size), 0),
        (Load::Tiny(paths), 0),
        (Load::Large((size / SLOWER).max(1)), arguments.delay),
        (Load::Tiny((paths / SLOWER).max(1)), arguments.delay),
    ];
    let cases = loads.map(|(load, delay)| Case {
        name: name(load, delay, arguments.nodes),
        load,
        delay,
    });
    let cases = cases.into_iter();
    cases.filter(|case| arguments.takes(&case.name)).collect()
}

fn name(load: Load, delay: u64, nodes: usize) -> String {
    let load = match load {
        Load::Large(size) => format!("{size} MiB"),
        Load::Tiny(paths) => format!("{paths} tiny paths"),
    };
    let line = match delay {
        0 => String::new(),
        delay => format!(", {delay} ms away"),
    };
    format!("{load} to {nodes} nodes{line}")
}

impl Load {
    /// Returns a list of derivations or files, as Nix text; the functions of fixture.nix are there.
    pub(crate) fn paths(self) -> String {
        match self {
            Self::Large(size) => {
                let bytes = (size << 20) / LARGE_PATHS;
                format!(
                    "builtins.genList (number: fixture.shell \"part${{toString number}}-{size}\" {{ }} \
                     \"head -c {bytes} /dev/urandom >$out\") {LARGE_PATHS}"
                )
            }
            Self::Tiny(paths) => format!(
                "builtins.genList (number: builtins.toFile \"tiny${{toString number}}-{paths}\" \
                 \"tiny ${{toString number}} of {paths}\") {paths}"
            ),
        }
    }
}
