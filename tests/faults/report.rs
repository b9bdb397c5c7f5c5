//! The table of what was expected and what was found.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use crate::suite::Task;
use crate::table::{Cell, End, STAGES, table};
use crate::testbed::target_folder;

/// How a cell ended.
pub(crate) struct Found {
    pub(crate) end: Option<End>,
    pub(crate) exit: i32,
    /// From the fault to the operator's answer.
    pub(crate) waited: Duration,
    pub(crate) transcript: String,
}

type Result = std::result::Result<Found, String>;

/// Writes the table into the target folder, and returns what is not as expected.
pub(crate) fn write(found: &[(Task, Result)], elapsed: Duration) -> Vec<String> {
    let mut lines = BTreeMap::new();
    let mut failures = Vec::new();
    for (task, result) in found {
        let failure = failure(task, result);
        let name = (task.fault.name, task.stage, task.point);
        lines.insert(name, line(task, result, failure.is_none()));
        failures.extend(failure.map(|failure| {
            format!(
                "{}/{}/{}: {failure}",
                task.fault.name, task.stage, task.point
            )
        }));
    }
    let mut text = format!(
        "{} runs in {} s, {} not as expected\n\n| fault | stage | expected | found | seconds to the answer |\n|---|---|---|---|---|\n",
        found.len(),
        elapsed.as_secs(),
        failures.len(),
    );
    text.extend(lines.into_values());
    text.push_str(&impossible());
    fs::write(target_folder().join("faults.md"), text).unwrap();
    failures
}

fn line(task: &Task, result: &Result, is_right: bool) -> String {
    let expected = task.expected;
    let (found, waited) = match result {
        Ok(found) => (
            format!(
                "{}, exit {}",
                found
                    .end
                    .map_or("neither".to_owned(), |end| end.to_string()),
                found.exit
            ),
            format!("{:.1}", found.waited.as_secs_f64()),
        ),
        Err(_) => ("see the failures".to_owned(), String::new()),
    };
    let mark = if is_right { "" } else { " **wrong**" };
    let point = match task.point {
        "" => String::new(),
        point => format!(" ({point})"),
    };
    format!(
        "| {} | {}{point} | {}, exit {}, {} s | {found}{mark} | {waited} |\n",
        task.fault.name, task.stage, expected.end, expected.exit, expected.seconds
    )
}

fn failure(task: &Task, result: &Result) -> Option<String> {
    let found = match result {
        Ok(found) => found,
        Err(problem) => return Some(problem.clone()),
    };
    let expected = task.expected;
    let is_right = found.end == Some(expected.end)
        && found.exit == expected.exit
        && found.waited <= Duration::from_secs(expected.seconds);
    (!is_right).then(|| {
        format!(
            "expected {expected:?}, found {:?}, exit {}, after {:.1?}\n{}",
            found.end, found.exit, found.waited, found.transcript
        )
    })
}

/// Returns why cells are missing, one line for all stages of a fault that share the reason.
fn impossible() -> String {
    let mut reasons = BTreeMap::<(String, String), Vec<String>>::new();
    for (fault, row) in table() {
        for stage in STAGES {
            if let Cell::Impossible(cell) = row.cell(stage) {
                let reason = (fault.clone(), cell.impossible.clone());
                reasons.entry(reason).or_default().push(stage.to_string());
            }
        }
    }
    let mut text =
        "\nCells that cannot exist:\n\n| fault | stages | why |\n|---|---|---|\n".to_owned();
    for ((fault, why), stages) in reasons {
        writeln!(text, "| {fault} | {} | {why} |", stages.join(", ")).unwrap();
    }
    text
}
