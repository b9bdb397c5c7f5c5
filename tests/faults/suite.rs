//! Running the cells of the table, several at a time, and writing down how each ended.

use std::collections::VecDeque;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{Answer, Lab};
use crate::registry::{Fault, faults};
use crate::report::{Found, write};
use crate::state::{State, VERSIONS};
use crate::table::{End, Expected, Stage, table};

/// `all` takes every cell; `fault`, `fault/stage` and `fault/stage/point` take these.
const VARIABLE: &str = "DEPLOY_FAULTS";
const WORKERS: usize = 4;
/// How long a node may take to come to its end after the operator's answer.
const SETTLED: Duration = Duration::from_secs(45);

/// One run of the suite: a cell, at one point of the agent.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    pub(crate) fault: &'static Fault,
    pub(crate) stage: Stage,
    pub(crate) point: &'static str,
    pub(crate) expected: Expected,
}

#[test]
fn every_fault_ends_as_the_table_says() {
    let chosen = env::var(VARIABLE).unwrap_or_default();
    let tasks = tasks(&chosen);
    assert!(!tasks.is_empty(), "{VARIABLE}={chosen} is no fault");
    let (queue, found) = (Mutex::new(VecDeque::from(tasks)), Mutex::new(Vec::new()));
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(task) = next(&queue) {
                    let result = run(&task);
                    found.lock().unwrap().push((task, result));
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let failures = write(&found, started.elapsed());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn next(queue: &Mutex<VecDeque<Task>>) -> Option<Task> {
    queue.lock().unwrap().pop_front()
}

fn tasks(chosen: &str) -> Vec<Task> {
    let table = table();
    let mut tasks = Vec::new();
    for fault in faults() {
        for &stage in fault.stages {
            let Some(expected) = table[fault.name].cell(stage).expected() else {
                continue;
            };
            for &point in (fault.points)(stage) {
                let task = Task {
                    fault,
                    stage,
                    point,
                    expected,
                };
                if is_chosen(&task, chosen) {
                    tasks.push(task);
                }
            }
        }
    }
    tasks
}

fn is_chosen(task: &Task, chosen: &str) -> bool {
    if chosen.is_empty() {
        return task.expected.ci;
    }
    let name = format!("{}/{}/{}", task.fault.name, task.stage, task.point);
    let mut words = chosen.split(',');
    words.any(|word| word == "all" || format!("{name}/").starts_with(&format!("{word}/")))
}

/// Runs a cell; what went wrong is an error with all that is known.
fn run(task: &Task) -> Result<Found, String> {
    let result = catch_unwind(AssertUnwindSafe(|| attempt(task)));
    result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(text.unwrap_or_else(|| "it panicked".to_owned()))
    })
}

fn attempt(task: &Task) -> Result<Found, String> {
    let fault = task.fault;
    let lab = Lab::boot(fault, task.stage, task.point);
    (fault.before)(&lab);
    let before = lab.state();
    let answer = (fault.run)(&lab);
    if fault.waits_for_contact && task.expected.end == End::Old {
        make_contact(&lab);
    }
    let end = settle(&lab, &before, task.expected.end);
    let waited = answer.waited.unwrap_or_else(|| answer.since.elapsed());
    let state = lab.state();
    (fault.after)(&lab);
    let problems = [
        end.is_none().then(|| {
            format!("it is neither the old nor the new state:\nbefore {before:?}\nafter  {state:?}")
        }),
        goes_on(&lab, &state).err(),
    ];
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    if problems.is_empty() {
        return Ok(found(&answer, end, waited));
    }
    Err(format!("{}\n{}", problems.join("\n"), answer.transcript))
}

fn found(answer: &Answer, end: Option<End>, waited: Duration) -> Found {
    Found {
        end,
        exit: answer.exit,
        waited,
        transcript: answer.transcript.clone(),
    }
}

/// Deploys what was there before, which changes nothing but what a crash has left.
fn make_contact(lab: &Lab) {
    drop(lab.deploy(VERSIONS[0]));
}

/// Waits until the node has come to its expected end, and returns the one that it came to.
fn settle(lab: &Lab, before: &State, expected: End) -> Option<End> {
    let started = Instant::now();
    loop {
        let end = lab.state().end(before);
        let settled = end == Some(expected) && lab.is_at_rest();
        if settled || started.elapsed() > SETTLED {
            return end;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The next deployment works, and takes nothing away.
fn goes_on(lab: &Lab, before: &State) -> Result<(), String> {
    let scene = lab.scene(&lab.flake(&[lab.profile(VERSIONS[2])]));
    let output = scene.deploy(&["apply", "--yes"]);
    let after = lab.state();
    if output.exit == 0 && after.is_at(VERSIONS[2], before) {
        return Ok(());
    }
    Err(format!(
        "the next deployment does not work:\nbefore {before:?}\nafter  {after:?}\n{output}"
    ))
}
