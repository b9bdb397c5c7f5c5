//! Which code runs which fault, and that every cell of the table has some.

use crate::lab::{Answer, Lab};
use crate::table::{STAGES, Stage, table};
use crate::testbed::HostSettings;
use crate::{
    activation, clock, confirmation, disk, locks, network, nodes, operator, power, previous, store,
    users,
};

pub(crate) type Run = fn(&Lab) -> Answer;

/// A fault, and how it is made to happen.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) stages: &'static [Stage],
    /// Makes it happen to a run of the second version, and waits for the operator's answer.
    pub(crate) run: Run,
    pub(crate) host: fn(HostSettings) -> HostSettings,
    pub(crate) hosts: usize,
    /// Who logs in.
    pub(crate) login: &'static str,
    pub(crate) confirm_timeout: u64,
    /// What the activations of the first and second version do.
    pub(crate) old_script: &'static str,
    pub(crate) new_script: &'static str,
    /// Makes what is there before.
    pub(crate) before: fn(&Lab),
    /// Ends the fault, which does not clean up for the tool.
    pub(crate) after: fn(&Lab),
    /// The points of the agent in a stage, where more than one is tried.
    pub(crate) points: fn(Stage) -> &'static [&'static str],
    /// The node goes back when it is next made contact with, and not by itself.
    pub(crate) waits_for_contact: bool,
}

impl Fault {
    pub(crate) const fn new(name: &'static str, stages: &'static [Stage], run: Run) -> Self {
        Self {
            name,
            stages,
            run,
            host: |settings| settings,
            hosts: 1,
            login: "root",
            confirm_timeout: 3,
            old_script: "",
            new_script: "",
            before: |lab| drop(lab.deploy(crate::state::VERSIONS[0])),
            after: |_| (),
            points: |_| &[""],
            waits_for_contact: false,
        }
    }
}

pub(crate) use Stage::{Activation, Confirm, Journal, Lock, Observe, Rollback, Set, Wait};

/// Every stage.
pub(crate) const EVERY: &[Stage] = &STAGES;
/// Those in which the agent runs.
pub(crate) const ON_THE_NODE: &[Stage] = &[Lock, Journal, Set, Activation, Wait, Confirm, Rollback];

/// Returns all faults.
pub(crate) fn faults() -> impl Iterator<Item = &'static Fault> {
    [
        activation::FAULTS,
        operator::FAULTS,
        network::FAULTS,
        power::FAULTS,
        disk::FAULTS,
        previous::FAULTS,
        locks::FAULTS,
        confirmation::FAULTS,
        clock::FAULTS,
        store::FAULTS,
        nodes::FAULTS,
        users::FAULTS,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn every_cell_has_a_runner_and_every_runner_a_cell() {
    let table = table();
    for fault in faults() {
        let Some(row) = table.get(fault.name) else {
            panic!("{} is not in the table", fault.name)
        };
        assert_eq!(row.stages(), fault.stages, "{}", fault.name);
    }
    for name in table.keys() {
        let runners = faults().filter(|fault| fault.name == name);
        assert_eq!(runners.count(), 1, "{name}");
    }
}
