//! The table of faults: what tests/faults.toml says, and that it says something about every stage.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

const TEXT: &str = include_str!("../faults.toml");

/// A stage of a run, as the fault finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// The operator reads the node.
    Observe,
    /// The closure is copied.
    Copy,
    /// The agent takes the profile's lock.
    Lock,
    /// It writes its first journal.
    Journal,
    /// It sets the profile.
    Set,
    /// The activation runs.
    Activation,
    /// The agent waits to be confirmed.
    Wait,
    /// It has seen the confirmation.
    Confirm,
    /// It goes back.
    Rollback,
}

pub(crate) const STAGES: [Stage; 9] = [
    Stage::Observe,
    Stage::Copy,
    Stage::Lock,
    Stage::Journal,
    Stage::Set,
    Stage::Activation,
    Stage::Wait,
    Stage::Confirm,
    Stage::Rollback,
];

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", format!("{self:?}").to_lowercase())
    }
}

/// The state that a node comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum End {
    /// The confirmed target.
    New,
    /// Exactly what was there before.
    Old,
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", format!("{self:?}").to_lowercase())
    }
}

/// How a run must end with a fault in a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) end: End,
    pub(crate) exit: i32,
    pub(crate) seconds: u64,
    #[serde(default)]
    pub(crate) ci: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Impossible {
    /// Why.
    pub(crate) impossible: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Cell {
    Possible(Expected),
    Impossible(Impossible),
}

impl Cell {
    pub(crate) fn expected(&self) -> Option<Expected> {
        match self {
            Self::Possible(expected) => Some(*expected),
            Self::Impossible(_) => None,
        }
    }
}

/// A fault, and its cell for each stage; one that is missing or not known is an error.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) about: String,
    observe: Cell,
    copy: Cell,
    lock: Cell,
    journal: Cell,
    set: Cell,
    activation: Cell,
    wait: Cell,
    confirm: Cell,
    rollback: Cell,
}

impl Row {
    pub(crate) fn cell(&self, stage: Stage) -> &Cell {
        match stage {
            Stage::Observe => &self.observe,
            Stage::Copy => &self.copy,
            Stage::Lock => &self.lock,
            Stage::Journal => &self.journal,
            Stage::Set => &self.set,
            Stage::Activation => &self.activation,
            Stage::Wait => &self.wait,
            Stage::Confirm => &self.confirm,
            Stage::Rollback => &self.rollback,
        }
    }

    /// Returns the stages in which the fault can happen.
    pub(crate) fn stages(&self) -> Vec<Stage> {
        let possible = |stage: &Stage| self.cell(*stage).expected().is_some();
        STAGES.into_iter().filter(possible).collect()
    }
}

/// Reads a table; the message names what is missing or unknown.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, Row>, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

/// Returns the table.
pub(crate) fn table() -> BTreeMap<String, Row> {
    parse(TEXT).unwrap()
}

#[test]
fn every_fault_has_a_cell_for_every_stage() {
    for (fault, row) in table() {
        assert!(!row.about.is_empty(), "{fault}");
        assert!(!row.stages().is_empty(), "{fault} can never happen");
        for stage in STAGES {
            if let Cell::Impossible(cell) = row.cell(stage) {
                assert!(cell.impossible.len() > 10, "{fault}/{stage}: say why");
            }
        }
    }
}

#[test]
fn every_run_of_the_tests_takes_one_cell_of_every_fault() {
    for (fault, row) in table() {
        let taken = row.stages().into_iter().filter(|stage| {
            let expected = row.cell(*stage).expected();
            expected.is_some_and(|expected| expected.ci)
        });
        assert!(taken.count() > 0, "{fault} has no cell with ci = true");
    }
}

#[test]
fn a_missing_cell_and_an_unknown_stage_are_errors() {
    let cell = |stage: &Stage| format!("{stage} = {{ end = \"new\", exit = 0, seconds = 1 }}");
    let cells = STAGES.iter().map(cell).collect::<Vec<_>>().join("\n");
    let whole = format!("[fault]\nabout = \"x\"\n{cells}");
    assert!(parse(&whole).is_ok());
    for (text, problem) in [
        (whole.replace("wait =", "dinner ="), "dinner"),
        (whole.replace("wait =", "# wait ="), "missing field `wait`"),
        (whole.replace("exit = 0, ", ""), "did not match"),
        (whole.replace("\"new\"", "\"sideways\""), "did not match"),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
}
