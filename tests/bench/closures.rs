//! How long the difference of two large closures takes, with its text and its Markdown left out.
//!
//! `cargo bench --bench closures` compares closures of as many paths as real systems have and more.
//! Nothing is asserted about time.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::collections::BTreeSet;
use std::time::Instant;

use deploy::model::StorePath;
use deploy::plan::{Closure, ClosurePair, ClosurePath};

const ROUNDS: usize = 9;
/// One in so many packages is another version in the second closure, and all of its paths are.
const CHANGED: usize = 10;

fn main() {
    println!("{:>9}  {:>9}  median", "paths", "differ");
    for paths in [1_000, 20_000, 100_000] {
        let pair = pair(paths);
        let mut times: Vec<f64> = (0..ROUNDS).map(|_| measured(&pair)).collect();
        times.sort_by(f64::total_cmp);
        let differing = pair.compare().packages.len();
        println!("{paths:>9}  {differing:>9}  {:.1} ms", times[ROUNDS / 2]);
    }
}

fn measured(pair: &ClosurePair) -> f64 {
    let begun = Instant::now();
    std::hint::black_box(pair.compare());
    begun.elapsed().as_secs_f64() * 1000.0
}

fn pair(paths: usize) -> ClosurePair {
    let closure = |generation: usize| {
        Closure::new((0..paths).filter_map(|number| {
            let path = path(number, generation)?;
            Some(ClosurePath { path, size: 4096 })
        }))
    };
    let (before, after) = (closure(0), closure(1));
    let missing: BTreeSet<StorePath> = after.paths_beyond(&before);
    ClosurePair {
        before: Some(before),
        after,
        missing,
    }
}

/// Every package has two outputs.
fn path(number: usize, generation: usize) -> Option<StorePath> {
    let package = number / 2;
    let changed = if package.is_multiple_of(CHANGED) {
        generation
    } else {
        0
    };
    let output = ["", "-lib"][number % 2];
    let hash = number * 2 + changed;
    format!("/nix/store/{hash:032}-package{package}-1.{changed}.{package}{output}")
        .parse()
        .ok()
}
