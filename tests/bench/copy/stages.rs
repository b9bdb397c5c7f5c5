//! How often each stage of a run waits for an answer of its node, on a line so slow that all of these
//! waits are told apart.

use std::time::Duration;

use serde_json::{Value, json};

use super::case::{Case, Load};
use super::contender::{Contender, DIRECT};
use super::ground::Ground;
use super::trace::Span;

pub(crate) const NAME: &str = "round trips";
/// The latency of a round trip, in milliseconds.
const DELAY: u64 = 200;
/// In the closure that is copied, beside the profile: as many as change with a few packages.
const PATHS: usize = 10;

/// Names, and how often who has that name waited for a node.
pub(crate) struct Stages(Vec<(String, usize)>);

pub(crate) fn count(ground: &Ground) -> Stages {
    let case = Case {
        name: NAME.to_owned(),
        load: Load::Tiny(PATHS),
        delay: DELAY,
    };
    let path = ground.prepare(&case);
    let (_, spans) = ground.deploy(&[&DIRECT[..], &[".#web1"]].concat());
    let mut stages = by_stage(&spans, &ground.turns());
    for contender in [Contender::Serve, Contender::Daemon] {
        ground.clear();
        ground.delay(DELAY);
        contender.copy(ground, &path);
        let turns = ground.turns().concat().len() / ground.nodes();
        stages.push((format!("{}, with its login", contender.name()), turns));
    }
    ground.clear();
    Stages(stages)
}

/// Gives each stage the turns of its time: a login those of its own connection, all else those of
/// the connections that stood already.
fn by_stage(spans: &[Span], connections: &[Vec<Duration>]) -> Vec<(String, usize)> {
    let mut spans: Vec<_> = spans.iter().filter(|span| span.stage().is_some()).collect();
    spans.sort_by_key(|span| span.begun);
    let (first, turn) = (spans.first(), connections.first());
    // The first login speaks as soon as it has begun. What else is off is little against the delay.
    let (turn, login) = (
        turn.expect("a connection")[0],
        first.expect("a login").begun,
    );
    let slack = Duration::from_millis(DELAY / 4);
    let origin = turn.saturating_sub(login + slack);
    let mut stages: Vec<(String, usize)> = Vec::new();
    for span in spans {
        let time = (origin + span.begun)..(origin + span.ended);
        let concerned = connections
            .iter()
            .filter(|turns| (turns[0] >= time.start) == span.is_login());
        let turns = concerned.flatten().filter(|turn| time.contains(turn));
        let (name, count) = (span.stage().expect("a stage"), turns.count());
        match stages.iter_mut().find(|(known, _)| known == name) {
            Some((_, all)) => *all += count,
            None => stages.push((name.to_owned(), count)),
        }
    }
    stages
}

impl Stages {
    pub(crate) fn rows(&self) -> String {
        let heading = format!(
            "\n{NAME} of a run on one node that gets {} paths",
            PATHS + 1
        );
        let rows = self.0.iter();
        let rows = rows.map(|(name, count)| format!("    {name:<40}{count:>6}"));
        [heading]
            .into_iter()
            .chain(rows)
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(crate) fn json(&self) -> Value {
        let stages = self.0.iter();
        let stages = stages.map(|(name, count)| json!({ "stage": name, "round_trips": count }));
        stages.collect()
    }
}
