//! Which steps may start now.

use std::collections::{BTreeMap, BTreeSet};

use super::Outcome;
use crate::plan::{Edge, StepGraph, StepId};

/// The walk over a graph: every step goes from waiting to ready, running and ended, and none
/// starts before what it depends on has succeeded and what it comes after has ended.
///
/// Steps wait in lanes, so that whoever has room in one finds its next step without looking at all that wait in others.
#[derive(Debug, Clone)]
pub struct Walk<Lane = ()> {
    steps: Vec<Step<Lane>>,
    numbers: BTreeMap<StepId, usize>,
    ready: BTreeSet<(Lane, usize)>,
    running: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
struct Step<Lane> {
    id: StepId,
    lane: Lane,
    waits_for: usize,
    followers: Vec<(usize, Edge)>,
    /// The step that failed in the first place, where this one must not run.
    cause: Option<StepId>,
    outcome: Option<Outcome>,
}

impl Walk {
    /// Returns the walk over a graph, with nothing started, all in one lane.
    pub fn new(graph: &StepGraph) -> Self {
        Self::in_lanes(graph, |_| ())
    }
}

impl<Lane: Copy + Ord> Walk<Lane> {
    /// Returns the walk over a graph, with nothing started, and each step in its lane.
    pub fn in_lanes(graph: &StepGraph, lane: impl Fn(&StepId) -> Lane) -> Self {
        let steps = graph.steps().map(|(_, id)| Step::new(id, lane(id)));
        let mut steps: Vec<Step<Lane>> = steps.collect();
        for (earlier, later, edge) in graph.edges() {
            steps[earlier].followers.push((later, edge));
            steps[later].waits_for += 1;
        }
        let numbers = steps
            .iter()
            .enumerate()
            .map(|(number, step)| (step.id.clone(), number))
            .collect();
        let ready = (0..steps.len())
            .filter(|&number| steps[number].waits_for == 0)
            .map(|number| (steps[number].lane, number))
            .collect();
        Self {
            steps,
            numbers,
            ready,
            running: BTreeSet::new(),
        }
    }

    /// Returns the steps that may start now, lane by lane, in the plan's order.
    pub fn ready(&self) -> impl Iterator<Item = &StepId> {
        let ready = self.ready.iter();
        ready.map(|&(_, number)| &self.steps[number].id)
    }

    /// Returns the first step of a lane that may start now.
    pub fn next_in(&self, lane: Lane) -> Option<&StepId> {
        let mut ready = self.ready.range((lane, 0)..=(lane, usize::MAX));
        ready.next().map(|&(_, number)| &self.steps[number].id)
    }

    /// Returns the steps that have started and not ended.
    pub fn running(&self) -> impl Iterator<Item = &StepId> {
        self.running.iter().map(|&number| &self.steps[number].id)
    }

    /// Notes that a ready step has started.
    pub fn start(&mut self, id: &StepId) {
        if let Some(&number) = self.numbers.get(id)
            && self.ready.remove(&(self.steps[number].lane, number))
        {
            self.running.insert(number);
        }
    }

    /// Notes how a step ended. Returns the steps that are skipped for it, with their outcomes.
    pub fn finish(&mut self, id: &StepId, outcome: Outcome) -> Vec<(StepId, Outcome)> {
        let Some(&number) = self.numbers.get(id) else {
            return Vec::new();
        };
        self.running.remove(&number);
        self.ready.remove(&(self.steps[number].lane, number));
        let mut skipped = Vec::new();
        let mut ended = vec![(number, outcome)];
        while let Some((number, outcome)) = ended.pop() {
            if self.steps[number].outcome.is_some() {
                continue;
            }
            let cause = (!outcome.succeeded()).then(|| match &outcome {
                Outcome::Skipped { cause } => cause.clone(),
                _ => self.steps[number].id.clone(),
            });
            self.steps[number].outcome = Some(outcome);
            for (follower, edge) in self.steps[number].followers.clone() {
                if let Some(outcome) = self.release(follower, edge, cause.as_ref()) {
                    skipped.push((self.steps[follower].id.clone(), outcome.clone()));
                    ended.push((follower, outcome));
                }
            }
        }
        skipped
    }

    /// Counts one ended step off what `follower` waits for. Returns the outcome of a follower that
    /// has nothing left to wait for and must not run.
    fn release(&mut self, follower: usize, edge: Edge, cause: Option<&StepId>) -> Option<Outcome> {
        let step = &mut self.steps[follower];
        step.waits_for -= 1;
        if edge == Edge::DependsOn && step.cause.is_none() {
            step.cause = cause.cloned();
        }
        if step.waits_for > 0 || step.outcome.is_some() {
            return None;
        }
        if let Some(cause) = step.cause.clone() {
            Some(Outcome::Skipped { cause })
        } else {
            self.ready.insert((step.lane, follower));
            None
        }
    }

    /// Returns the steps that have neither started nor ended.
    pub fn pending(&self) -> Vec<StepId> {
        let waits = |number: &usize| {
            self.steps[*number].outcome.is_none() && !self.running.contains(number)
        };
        (0..self.steps.len())
            .filter(waits)
            .map(|number| self.steps[number].id.clone())
            .collect()
    }

    /// Returns how a step ended, if it has.
    pub fn outcome(&self, id: &StepId) -> Option<&Outcome> {
        self.steps[*self.numbers.get(id)?].outcome.as_ref()
    }

    /// Returns whether every step has ended.
    pub fn is_finished(&self) -> bool {
        self.steps.iter().all(|step| step.outcome.is_some())
    }
}

impl<Lane> Step<Lane> {
    fn new(id: &StepId, lane: Lane) -> Self {
        Self {
            id: id.clone(),
            lane,
            waits_for: 0,
            followers: Vec::new(),
            cause: None,
            outcome: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::{PlannedStep, StepKind};

    fn id(text: &str) -> StepId {
        text.parse().unwrap()
    }

    fn step(name: &str, depends_on: &[String], after: &[String]) -> PlannedStep {
        let ids = |names: &[String]| names.iter().map(|name| id(name)).collect();
        PlannedStep {
            id: id(name),
            kind: StepKind::Build,
            node: None,
            profile: None,
            drv_path: None,
            depends_on: ids(depends_on),
            after: ids(after),
        }
    }

    fn walk(steps: &[(&str, &[&str], &[&str])]) -> Walk {
        let own = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let steps: Vec<_> = steps
            .iter()
            .map(|(name, on, after)| step(name, &own(on), &own(after)))
            .collect();
        Walk::new(&StepGraph::new(&steps).unwrap())
    }

    fn ready(walk: &Walk) -> Vec<&str> {
        walk.ready().map(StepId::as_str).collect()
    }

    fn failed() -> Outcome {
        Outcome::Failed {
            message: "no".into(),
        }
    }

    /// Two nodes whose activations stand behind one barrier.
    fn two_nodes() -> Walk {
        walk(&[
            ("build", &[], &[]),
            ("copy:a", &["build"], &[]),
            ("copy:b", &["build"], &[]),
            ("barrier", &["build"], &["copy:a", "copy:b"]),
            ("activate:a", &["barrier", "copy:a"], &[]),
            ("activate:b", &["barrier", "copy:b"], &[]),
        ])
    }

    #[test]
    fn a_failed_copy_drops_its_node_only() {
        let mut walk = two_nodes();
        assert_eq!(ready(&walk), ["build"]);
        walk.start(&id("build"));
        assert!(walk.finish(&id("build"), Outcome::Unchanged).is_empty());
        assert_eq!(ready(&walk), ["copy:a", "copy:b"]);
        assert!(walk.finish(&id("copy:a"), failed()).is_empty());
        walk.finish(&id("copy:b"), Outcome::Unchanged);
        assert_eq!(ready(&walk), ["barrier"]);
        let skipped = walk.finish(&id("barrier"), Outcome::Unchanged);
        assert_eq!(
            skipped,
            [(
                id("activate:a"),
                Outcome::Skipped {
                    cause: id("copy:a")
                }
            )]
        );
        assert_eq!(ready(&walk), ["activate:b"]);
    }

    #[test]
    fn a_failed_build_activates_nothing() {
        let mut walk = two_nodes();
        let skipped = walk.finish(&id("build"), failed());
        assert_eq!(skipped.len(), 5);
        assert!(
            skipped
                .iter()
                .all(|(_, outcome)| *outcome == Outcome::Skipped { cause: id("build") })
        );
        assert!(walk.is_finished());
    }

    fn graphs() -> impl Strategy<Value = Vec<PlannedStep>> {
        prop::collection::vec(
            (
                prop::collection::vec(any::<prop::sample::Index>(), 0..4),
                any::<u8>(),
            ),
            1..24,
        )
        .prop_map(|rows| {
            let name = |number: usize| format!("s{number:03}");
            let row = |(number, (earlier, kinds)): (usize, &(Vec<prop::sample::Index>, u8))| {
                let mut names: Vec<String> = match number {
                    0 => vec![],
                    _ => earlier
                        .iter()
                        .map(|index| name(index.index(number)))
                        .collect(),
                };
                names.sort();
                names.dedup();
                let depends = |(position, _): &(usize, &String)| kinds >> (position % 8) & 1 == 0;
                let (on, after): (Vec<_>, Vec<_>) = names.iter().enumerate().partition(depends);
                let own = |names: Vec<(usize, &String)>| {
                    names
                        .into_iter()
                        .map(|(_, n)| n.clone())
                        .collect::<Vec<_>>()
                };
                step(&name(number), &own(on), &own(after))
            };
            rows.iter().enumerate().map(row).collect()
        })
    }

    proptest! {
        #[test]
        fn every_walk_ends_and_keeps_the_order(steps in graphs(), failing in any::<u32>(), picks in any::<u64>()) {
            let mut walk = Walk::new(&StepGraph::new(&steps).unwrap());
            let mut turn = 0;
            while !walk.is_finished() {
                let choices: Vec<StepId> = walk.ready().cloned().collect();
                prop_assert!(!choices.is_empty(), "nothing is ready, and it has not ended");
                let pick = usize::try_from(picks >> (turn % 60) & 0xffff).unwrap();
                let chosen = &choices[pick % choices.len()];
                let planned = steps.iter().find(|step| step.id == *chosen).unwrap();
                for earlier in &planned.depends_on {
                    prop_assert!(walk.outcome(earlier).is_some_and(Outcome::succeeded));
                }
                for earlier in &planned.after {
                    prop_assert!(walk.outcome(earlier).is_some());
                }
                walk.start(chosen);
                let outcome = if failing >> (turn % 32) & 1 == 1 { failed() } else { Outcome::Unchanged };
                walk.finish(chosen, outcome);
                turn += 1;
            }
            // A step is skipped if and only if something it depends on did not succeed.
            for step in &steps {
                let skipped = matches!(walk.outcome(&step.id), Some(Outcome::Skipped { .. }));
                let hindered = step.depends_on.iter().any(|earlier| !walk.outcome(earlier).unwrap().succeeded());
                prop_assert_eq!(skipped, hindered);
            }
        }
    }
}
