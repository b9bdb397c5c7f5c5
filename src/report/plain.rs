//! Lines for logs and pipes: one per fact worth knowing, without control sequences.

use std::io::Write;

use super::Reporter;
use super::format::{Plural, short, width};
use super::line::Line;
use super::steps::{Steps, built_name, node_label};
use super::style::Tone;
use super::words::{Said, lasting};
use crate::apply::{Event, Stage, TimedEvent};
use crate::plan::{StepId, StepKind};
use crate::schedule::Outcome;

/// Wider subjects are not waited for, or a single long name would push all text aside.
const SUBJECT_WIDTH_MAX: usize = 32;

/// Writes one line per fact, after the name of what it is about.
pub struct Plain {
    writer: Box<dyn Write + Send>,
    broken: bool,
    steps: Steps,
    subject_width: usize,
}

impl Plain {
    /// Returns a reporter that writes to `writer`.
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self {
            writer,
            broken: false,
            steps: Steps::default(),
            subject_width: width("deploy"),
        }
    }

    fn lines(&mut self, event: &TimedEvent) -> Vec<Said> {
        self.steps.note(event);
        if let Some(said) = lasting(&self.steps, event) {
            let mut lines = split(&said);
            if let Event::StepFinished {
                step,
                outcome,
                tail,
                log,
            } = &event.event
            {
                lines.extend(self.failure_lines(step, outcome, tail, log.as_deref()));
            }
            return lines;
        }
        self.passing(event).into_iter().collect()
    }

    /// What an activation printed is there already; of copies and builds only a failure's tail is.
    fn failure_lines(
        &self,
        step: &StepId,
        outcome: &Outcome,
        tail: &[String],
        log: Option<&str>,
    ) -> Vec<Said> {
        if outcome.succeeded() || matches!(outcome, Outcome::Skipped { .. }) {
            return Vec::new();
        }
        let subject = self.steps.subject(step);
        let printed = match self.steps.kind(step) {
            StepKind::Activate => &[],
            _ => tail,
        };
        let mut lines: Vec<Said> = printed
            .iter()
            .map(|line| Said::neutral(&subject, format!("| {}", line.trim_end())))
            .collect();
        lines.extend(log.map(|log| Said::neutral(&subject, format!("full output: {log}"))));
        lines
    }

    /// Returns what is worth a line only where lines pass by.
    fn passing(&mut self, event: &TimedEvent) -> Option<Said> {
        match &event.event {
            Event::EvaluationStarted { flake } => {
                Some(Said::neutral("deploy", format!("evaluating {flake}")))
            }
            Event::CheckStarted { flake } => {
                Some(Said::neutral("deploy", format!("checking {flake}")))
            }
            Event::ObservationStarted { node } => {
                Some(Said::neutral(node_label(Some(node)), "reading"))
            }
            Event::BuildStarted { derivations } => Some(Said::neutral(
                "build",
                format!("building {}", Plural(*derivations, "derivation")),
            )),
            Event::RunStarted {
                run, steps, folder, ..
            } => {
                self.widen();
                let steps = Plural(count(steps.iter().map(|fact| fact.kind)), "step");
                let text = format!("run {}: {steps}, logs in {folder}", short(run));
                Some(Said::neutral("deploy", text))
            }
            Event::StepStarted { step } => self.started(step),
            Event::StepStaged { step, stage } => {
                stage_words(stage).map(|words| Said::neutral(self.steps.subject(step), words))
            }
            Event::StepPrinted { step, line } if self.steps.kind(step) == StepKind::Activate => {
                let line = format!("| {}", line.trim_end());
                Some(Said::neutral(self.steps.subject(step), line))
            }
            _ => None,
        }
    }

    fn started(&self, step: &StepId) -> Option<Said> {
        let text = match self.steps.kind(step) {
            StepKind::Build => format!("building {}", built_name(step)),
            StepKind::Copy => "copying".to_owned(),
            StepKind::Activate => "activating".to_owned(),
            StepKind::Barrier => return None,
        };
        Some(Said::neutral(self.steps.subject(step), text))
    }

    fn widen(&mut self) {
        let facts = self.steps.facts().iter();
        let widest = facts.map(|fact| width(&self.steps.subject(&fact.id))).max();
        self.widen_to(widest.unwrap_or(0));
    }

    fn widen_to(&mut self, columns: usize) {
        self.subject_width = self.subject_width.max(columns.min(SUBJECT_WIDTH_MAX));
    }

    fn write(&mut self, said: &Said) {
        self.widen_to(width(&said.subject));
        let line = Line::default()
            .column(Tone::Plain, &said.subject, self.subject_width)
            .next(Tone::Plain, &said.text)
            .render(usize::MAX, false);
        let written = self.writer.write_all((line + "\n").as_bytes());
        self.broken = written.and_then(|()| self.writer.flush()).is_err();
    }
}

impl Reporter for Plain {
    fn report(&mut self, event: &TimedEvent) {
        for said in self.lines(event) {
            if !self.broken {
                self.write(&said);
            }
        }
    }

    fn finish(&mut self) {}
}

fn split(said: &Said) -> Vec<Said> {
    let part = |line: &str| Said {
        text: line.trim_end().to_owned(),
        ..said.clone()
    };
    said.text.lines().map(part).collect()
}

fn count(kinds: impl Iterator<Item = StepKind>) -> u64 {
    kinds
        .filter(|kind| *kind != StepKind::Barrier)
        .map(|_| 1)
        .sum()
}

/// What follows at once from the line before, or is said as it ends, has no words.
fn stage_words(stage: &Stage) -> Option<String> {
    match stage {
        Stage::Recovered { .. } | Stage::Setting | Stage::Activating => None,
        Stage::Waiting { seconds } => Some(format!(
            "waiting for confirmation, goes back in {seconds} s"
        )),
        Stage::Confirmed => Some("confirmed".to_owned()),
        Stage::RollingBack => Some("rolling back".to_owned()),
        Stage::Reconnecting => Some("the connection was lost, connecting again".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures::{self, Sink};

    fn plain(events: &[TimedEvent]) -> String {
        let sink = Sink::default();
        let mut plain = Plain::new(Box::new(sink.clone()));
        for event in events {
            plain.report(event);
        }
        plain.finish();
        sink.text()
    }

    #[test]
    fn a_plan() {
        insta::assert_snapshot!(plain(&fixtures::planning()), @r"
        deploy  evaluating .
        db1     reading
        web1    reading
        web2    reading
        db1     could not be read: ssh: connect to host db1 port 22: Connection timed out
        build   building 12 derivations
        deploy  warning: Git tree '/home/anna/fleet' is dirty
        ");
    }

    #[test]
    fn a_run() {
        insta::assert_snapshot!(plain(&fixtures::run()), @r"
        deploy         run aaaaaaaa: 10 steps, logs in /home/anna/.local/state/deploy/runs/aaaa
        build          building nginx-1.27.0
        build          built nginx-1.27.0 (3.0 s)
        router         copying
        web1           copying
        web2           copying
        web3           copying
        router         copied (5.0 s)
        web1           copied (5.0 s)
        web2           copied (5.0 s)
        web3           copy failed (5.5 s): nix copy failed with exit status 1
        web3           | error: writing to file: No space left on device
        web3           full output: /home/anna/.local/state/deploy/runs/aaaa/copy-web3.log
        web3.system    skipped: the copy to web3 did not succeed
        router.system  activating
        web1.system    activating
        web2.system    activating
        router.system  | restarting the following units: nginx.service
        router.system  waiting for confirmation, goes back in 30 s
        router.system  confirmed
        router.system  activated, generation 7 -> 8 (2.6 s)
        web1.system    | setting up /etc...
        web1.system    | Job for nginx.service failed.
        web2.system    waiting for confirmation, goes back in 20 s
        web1.system    rolling back
        web1.system    rolled back, generation 41 (8.0 s): the activation failed with exit status 4
        web1.system    full output: /home/anna/.local/state/deploy/runs/aaaa/activate-web1.system.log
        web2.system    not rolled back, generation 17 -> ? (20.0 s): it was not confirmed in 20 s, and the node cannot be asked
        web2.system    ssh: connect to host web2 port 22: No route to host
        web2.system    full output: /home/anna/.local/state/deploy/runs/aaaa/activate-web2.system.log
        web1.app       skipped: web1.system did not succeed
        ");
    }

    #[test]
    fn control_characters_do_not_get_through() {
        let mut events = fixtures::run();
        for event in &mut events {
            if let Event::StepPrinted { line, .. } = &mut event.event {
                line.push_str("\u{1b}[2J\u{1b}]0;x\u{7}\u{1b}[31m");
            }
        }
        let text = plain(&events);
        assert!(text.contains("\\x1b[2J\\x1b]0;x\\x07\n"));
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    }
}
