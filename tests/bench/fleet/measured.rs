//! What the rounds of a case took.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::case::Case;
use super::contender::Contender;
use super::testbed::Output;

#[derive(Default)]
pub(crate) struct Measured {
    tool: Vec<Duration>,
    floor: Vec<Duration>,
    peer: Vec<Duration>,
    primitives: BTreeMap<String, Vec<Duration>>,
    /// Of `deploy` itself, in KiB.
    peak_memory: u64,
}

pub(crate) fn heading(rounds: usize) -> String {
    format!(
        "the median of {rounds} rounds\n\n{:<36}{:>8}{:>8}{:>8}{:>10}{:>12}{:>9}",
        "work", "floor", "deploy", "peer", "to floor", "peer to us", "memory"
    )
}

impl Measured {
    pub(crate) fn add(&mut self, contender: &Contender, output: &Output) {
        match contender {
            Contender::Tool => self.tool.push(output.elapsed),
            Contender::Peer(_) => self.peer.push(output.elapsed),
            Contender::Floor => {
                self.floor.push(output.elapsed);
                output.stdout.lines().for_each(|line| self.add_call(line));
            }
        }
    }

    pub(crate) fn set_peak_memory(&mut self, kibibytes: u64) {
        self.peak_memory = kibibytes;
    }

    fn add_call(&mut self, line: &str) {
        let (name, time) = line.rsplit_once(' ').expect("a name and a time");
        let time = Duration::from_micros(time.parse().expect("microseconds"));
        let times = self.primitives.entry(name.to_owned()).or_default();
        times.push(time);
    }

    pub(crate) fn row(&self, case: &Case) -> String {
        let (tool, floor) = (median(&self.tool), median(&self.floor));
        let peer = (!self.peer.is_empty()).then(|| median(&self.peer));
        let seconds = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
        let mut lines = vec![format!(
            "{:<36}{:>8}{:>8}{:>8}{:>10}{:>12}{:>5} MiB",
            case.name,
            seconds(Some(floor)),
            seconds(Some(tool)),
            seconds(peer),
            seconds(Some(tool / floor)),
            seconds(peer.map(|peer| peer / tool)),
            self.peak_memory >> 10,
        )];
        for (name, times) in &self.primitives {
            let calls = times.len() / self.floor.len();
            lines.push(format!("    {name:<14}{:>7.3} s  x {calls}", median(times)));
        }
        lines.join("\n")
    }

    pub(crate) fn json(&self, case: &Case) -> Value {
        let (tool, floor) = (median(&self.tool), median(&self.floor));
        let peer = (!self.peer.is_empty()).then(|| median(&self.peer));
        let primitives = self.primitives.iter();
        let primitives = primitives.map(|(name, times)| (name, median(times)));
        json!({
            "case": case.name,
            "floor_s": floor,
            "deploy_s": tool,
            "peer_s": peer,
            "to_floor": tool / floor,
            "deploy_peak_memory_kib": self.peak_memory,
            "peer_to_deploy": peer.map(|peer| peer / tool),
            "primitives_s": primitives.collect::<BTreeMap<_, _>>(),
        })
    }
}

/// Returns the median in seconds.
fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_owned();
    times.sort_unstable();
    let middle = times.len() / 2;
    times.get(middle).expect("at least one round").as_secs_f64()
}
