//! What the rounds of a case took.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::case::Case;
use super::contender::{Contender, Took};

#[derive(Default)]
pub(crate) struct Measured(BTreeMap<Contender, Vec<Took>>);

pub(crate) fn heading(rounds: usize) -> String {
    format!(
        "seconds, the median of {rounds} rounds\n\n{:<28}{:>10}{:>10}{:>22}",
        "work", "copying", "all of it", "to nix copy (ssh)"
    )
}

impl Measured {
    pub(crate) fn add(&mut self, contender: Contender, took: Took) {
        self.0.entry(contender).or_default().push(took);
    }

    pub(crate) fn rows(&self, case: &Case) -> String {
        let row = |contender: &Contender| {
            let (copying, all) = self.of(*contender);
            format!(
                "    {:<24}{copying:>10.2}{all:>10.2}{:>22.2}",
                contender.name(),
                copying / self.of(Contender::Serve).0
            )
        };
        let rows = self.0.keys().map(row);
        let name = case.name.clone();
        [name]
            .into_iter()
            .chain(rows)
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(crate) fn json(&self, case: &Case) -> Value {
        let contender = |contender: &Contender| {
            let (copying, all) = self.of(*contender);
            let times = json!({
                "copying_s": copying,
                "all_s": all,
                "to_nix_copy": copying / self.of(Contender::Serve).0,
            });
            (contender.name(), times)
        };
        let contenders: BTreeMap<_, _> = self.0.keys().map(contender).collect();
        json!({ "case": case.name, "contenders": contenders })
    }

    /// Returns the medians in seconds: of copying, and of all.
    fn of(&self, contender: Contender) -> (f64, f64) {
        let took = &self.0[&contender];
        let median = |time: fn(&Took) -> Duration| {
            let mut times: Vec<_> = took.iter().map(time).collect();
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64()
        };
        (median(|took| took.copying), median(|took| took.all))
    }
}
