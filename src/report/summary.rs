//! What came of a run, from its events alone: a table, what went wrong, and one closing line.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Reporter;
use super::closing::closing;
use super::failure::Failure;
use super::format::{DisplayElapsed, width};
use super::line::{Line, rendered};
use super::outcome::{generations, skipped_since};
use super::steps::Steps;
use super::style::{Mark, Tone, UNREADABLE, outcome_mark};
use crate::apply::{Event, StepFact, TimedEvent};
use crate::model::NodeName;
use crate::plan::{StepId, StepKind};
use crate::schedule::Outcome;

const COLUMN_WIDTH_MAX: usize = 28;

/// Nothing is known of how a step ended: the events break off before it did.
const NO_RESULT: Mark = Mark {
    symbol: "?",
    word: "without a result",
    tone: Tone::Bad,
};

/// How a step ended, and what it left to read.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) took: Option<Duration>,
    pub(super) tail: Vec<String>,
    pub(super) log: Option<String>,
}

/// Collects what happens and renders what came of it.
#[derive(Default)]
pub struct RunSummary {
    steps: Steps,
    ended: BTreeMap<StepId, Ended>,
    unread: BTreeMap<NodeName, String>,
    started: Option<u64>,
    last: u64,
}

/// A line of the table.
pub(super) struct Row<'a> {
    pub(super) node: &'a NodeName,
    /// None for a row that is about the node as a whole.
    pub(super) fact: Option<&'a StepFact>,
    pub(super) ended: Option<&'a Ended>,
    pub(super) mark: Mark,
    note: String,
}

impl RunSummary {
    /// Returns a summary that has heard nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the summary as lines of at most `columns`; empty where no run was started.
    pub fn render(&self, columns: usize, colour: bool) -> String {
        let Some(started) = self.started else {
            return String::new();
        };
        let rows = self.rows();
        let mut lines = table(&rows);
        for (subject, said) in self.dry_activations() {
            lines.push(Line::default());
            lines.extend(dry_lines(&subject, said));
        }
        for failure in self.failures(&rows) {
            lines.push(Line::default());
            lines.extend(failure.lines(&self.steps, columns));
        }
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        let took = Duration::from_millis(self.last.saturating_sub(started));
        let builds_failed = self.failed_builds().count();
        lines.push(closing(&rows, builds_failed, took));
        rendered(&lines, columns, colour)
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let facts = self.steps.facts().iter();
        let mut nodes: BTreeSet<&NodeName> = facts.filter_map(|fact| fact.node.as_ref()).collect();
        nodes.extend(self.unread.keys());
        nodes
            .into_iter()
            .flat_map(|node| self.rows_of(node))
            .collect()
    }

    /// A node that got no closures or could not be read is one row, whatever its profiles are. One
    /// that was lost under its activations is not: each of them was started, and may be in force.
    fn rows_of<'a>(&'a self, node: &'a NodeName) -> Vec<Row<'a>> {
        let facts = || {
            let facts = self.steps.facts().iter();
            facts.filter(move |fact| fact.node.as_ref() == Some(node))
        };
        let activations = || facts().filter(|fact| fact.kind == StepKind::Activate);
        let copy = facts().find(|fact| fact.kind == StepKind::Copy);
        if let Some(ended) = copy.and_then(|fact| self.ended.get(&fact.id))
            && !matches!(
                ended.outcome,
                Outcome::Done { .. }
                    | Outcome::Unchanged
                    | Outcome::Skipped { .. }
                    | Outcome::Cancelled { .. }
            )
        {
            return vec![node_row(
                node,
                Some(ended),
                outcome_mark(&ended.outcome, StepKind::Copy),
            )];
        }
        if facts().next().is_none() {
            return vec![node_row(node, None, UNREADABLE)];
        }
        activations()
            .map(|fact| self.profile_row(node, fact))
            .collect()
    }

    fn profile_row<'a>(&'a self, node: &'a NodeName, fact: &'a StepFact) -> Row<'a> {
        let ended = self.ended.get(&fact.id);
        let mark = ended.map_or(NO_RESULT, |ended| outcome_mark(&ended.outcome, fact.kind));
        let note = match ended.map(|ended| &ended.outcome) {
            Some(Outcome::Skipped { cause }) => skipped_since(&self.steps, cause),
            _ => String::new(),
        };
        Row {
            node,
            fact: Some(fact),
            ended,
            mark,
            note,
        }
    }

    /// What closures have said that their activations would do.
    fn dry_activations(&self) -> impl Iterator<Item = (String, &[String])> {
        let facts = self.steps.facts().iter();
        facts.filter_map(|fact| match &self.ended.get(&fact.id)?.outcome {
            Outcome::DryActivated { said } => Some((self.steps.subject(&fact.id), said.as_slice())),
            _ => None,
        })
    }

    fn failed_builds(&self) -> impl Iterator<Item = (&StepFact, &Ended)> {
        let builds = self.steps.facts().iter();
        let builds = builds.filter(|fact| fact.kind == StepKind::Build);
        builds
            .filter_map(|fact| Some((fact, self.ended.get(&fact.id)?)))
            .filter(|(_, ended)| {
                matches!(
                    ended.outcome,
                    Outcome::Failed { .. } | Outcome::Broken { .. } | Outcome::Unreachable { .. }
                )
            })
    }

    fn failures<'a>(&'a self, rows: &[Row<'a>]) -> Vec<Failure<'a>> {
        let builds = self
            .failed_builds()
            .map(|(fact, ended)| Failure::of_step(&fact.id, fact, ended));
        let of_rows = rows.iter().filter_map(|row| match (row.fact, row.ended) {
            (Some(fact), Some(ended)) => Some(Failure::of_step(&fact.id, fact, ended)),
            (None, Some(ended)) => Some(Failure::of_node(row.node, row.mark, ended)),
            (None, None) => {
                let error = self.unread.get(row.node)?;
                Some(Failure::of_unread(row.node, error))
            }
            (Some(_), None) => None,
        });
        builds
            .chain(of_rows)
            .filter(Failure::is_worth_telling)
            .collect()
    }
}

impl Reporter for RunSummary {
    fn report(&mut self, event: &TimedEvent) {
        self.steps.note(event);
        self.last = event.at;
        match &event.event {
            Event::RunStarted { .. } => self.started = Some(event.at),
            Event::ObservationFinished { node, error } => {
                match error {
                    Some(error) => self.unread.insert(node.clone(), error.clone()),
                    None => self.unread.remove(node),
                };
            }
            Event::StepFinished {
                step,
                outcome,
                tail,
                log,
            } => {
                let ended = Ended {
                    outcome: outcome.clone(),
                    took: self.steps.took(step, event.at),
                    tail: tail.clone(),
                    log: log.clone(),
                };
                self.ended.insert(step.clone(), ended);
            }
            _ => {}
        }
    }

    fn finish(&mut self) {}
}

fn node_row<'a>(node: &'a NodeName, ended: Option<&'a Ended>, mark: Mark) -> Row<'a> {
    Row {
        node,
        fact: None,
        ended,
        mark,
        note: String::new(),
    }
}

fn dry_lines(subject: &str, said: &[String]) -> Vec<Line> {
    let heading = Line::default()
        .put(Tone::Strong, subject)
        .put(Tone::Plain, " says that it would do this:");
    let silent = Line::indented(4).put(Tone::Dim, "(it said nothing)");
    let line = |line: &String| {
        let line = Line::indented(4)
            .put(Tone::Dim, "| ")
            .put(Tone::Plain, line);
        line.whole()
    };
    let mut lines = vec![heading];
    lines.extend(said.iter().map(line));
    lines.extend(said.is_empty().then_some(silent));
    lines
}

fn table(rows: &[Row<'_>]) -> Vec<Line> {
    let cells: Vec<[String; 5]> = rows.iter().map(cells).collect();
    let widest = |column: usize| {
        let widths = cells.iter().map(|cells| width(&cells[column]));
        widths.max().unwrap_or(0).min(COLUMN_WIDTH_MAX)
    };
    let widths = [0, 1, 2, 3, 4].map(widest);
    let line = |(row, cells): (&Row<'_>, &[String; 5])| {
        let tones = [
            Tone::Strong,
            Tone::Plain,
            row.mark.tone,
            Tone::Plain,
            Tone::Dim,
        ];
        // A row that has a reason has neither generations nor time.
        let filled = if row.note.is_empty() { 5 } else { 3 };
        let mut line = Line::default();
        for (position, cell) in cells.iter().enumerate().take(filled) {
            if widths[position] > 0 {
                line = line
                    .column(tones[position], cell, widths[position])
                    .put(Tone::Plain, "  ");
            }
        }
        line.put(Tone::Dim, &row.note)
    };
    rows.iter().zip(&cells).map(line).collect()
}

fn cells(row: &Row<'_>) -> [String; 5] {
    let profile = row.fact.and_then(|fact| fact.profile.as_ref());
    let profile = profile.map_or("-".to_owned(), ToString::to_string);
    let generations = row.fact.zip(row.ended);
    let generations = generations.map(|(fact, ended)| generations_of(fact, ended));
    let took = row.ended.and_then(|ended| ended.took);
    [
        row.node.to_string(),
        profile,
        format!("{} {}", row.mark.symbol, row.mark.word),
        generations.unwrap_or_default(),
        took.map(|took| DisplayElapsed(took).to_string())
            .unwrap_or_default(),
    ]
}

fn generations_of(fact: &StepFact, ended: &Ended) -> String {
    generations(fact, &ended.outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    fn summary(events: &[TimedEvent]) -> RunSummary {
        let mut summary = RunSummary::new();
        for event in events {
            summary.report(event);
        }
        summary.finish();
        summary
    }

    #[test]
    fn all_went_well() {
        insta::assert_snapshot!(summary(&fixtures::wide_run(3)).render(100, false), @r"
        web1  system  ✓ activated  generation 1 -> 2  2.5 s
        web2  system  ✓ activated  generation 1 -> 2  2.5 s
        web3  system  ✓ activated  generation 1 -> 2  2.5 s

        3 profiles activated in 9.6 s
        ");
    }

    #[test]
    fn much_went_wrong() {
        insta::assert_snapshot!(summary(&fixtures::run()).render(100, false), @r"
        router  system  ✓ activated        generation 7 -> 8   2.6 s
        web1    system  < rolled back      generation 41       8.0 s
        web1    app     - skipped          web1.system did not succeed
        web2    system  ✗ not rolled back  generation 17 -> ?  20.0 s
        web3    -       ✗ copy failed                          5.5 s

        < web1.system  rolled back
            the activation failed with exit status 4
            | setting up /etc...
            | Job for nginx.service failed.
            full output: /home/anna/.local/state/deploy/runs/aaaa/activate-web1.system.log
            state: back at generation 41, as before

        ✗ web2.system  not rolled back
            it was not confirmed in 20 s, and the node cannot be asked
            ssh: connect to host web2 port 22: No route to host
            | done
            full output: /home/anna/.local/state/deploy/runs/aaaa/activate-web2.system.log
            state: what it changed is still there: look at web2

        ✗ web3  copy failed
            nix copy failed with exit status 1
            | error: writing to file: No space left on device
            full output: /home/anna/.local/state/deploy/runs/aaaa/copy-web3.log
            state: nothing was activated on web3

        1 profile activated, 1 not rolled back, 1 rolled back, 1 skipped, copying to 1 node failed in 30.0 s
        ");
    }

    #[test]
    fn a_failed_build_skips_all() {
        insta::assert_snapshot!(summary(&fixtures::failed_build()).render(80, false), @r"
        web1  system  - skipped  the build of nginx-1.27.0 did not succeed
        web2  system  - skipped  the build of nginx-1.27.0 did not succeed

        ✗ nginx-1.27.0  failed
            building nginx-1.27.0 failed with exit status 2
            | src/main.c:1: error: expected ';'
            | make: *** [main.o] Error 1
            full output: /home/anna/.local/state/deploy/runs/aaaa/build-00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-nginx-1.27.0.drv.log
            state: nothing was changed on any node by it

        2 profiles skipped, 1 build failed in 3.0 s
        ");
    }

    #[test]
    fn a_recorded_run_that_breaks_off() {
        let mut events = fixtures::wide_run(2);
        events.truncate(events.len() - 3);
        insta::assert_snapshot!(summary(&events).render(80, false), @r"
        web1  system  ? without a result
        web2  system  ? without a result

        2 profiles without a result in 7.0 s
        ");
    }

    #[test]
    fn without_a_run_there_is_nothing_to_say() {
        assert_eq!(summary(&fixtures::planning()).render(80, false), "");
    }

    #[test]
    fn lines_fit_and_colours_add_nothing_else() {
        for columns in [40, 80, 120] {
            let summary = summary(&fixtures::run());
            let text = summary.render(columns, false);
            for line in text.lines() {
                let kept = line.contains("full output:")
                    || line.trim_start().starts_with('|')
                    || line.ends_with(" in 30.0 s");
                assert!(kept || width(line) <= columns, "{line}");
            }
            let coloured = summary.render(columns, true);
            assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), text);
        }
    }
}
