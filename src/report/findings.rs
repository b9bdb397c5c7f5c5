//! What `deploy check` has found, for people.

use std::fmt::Write as _;

use super::format::{Plural, escape_control};
use crate::config::{Finding, Origin, Severity};

/// Returns the findings in each fleet, and how many there are.
pub fn findings_text(checked: &[(&Origin, Vec<Finding>)]) -> String {
    let mut text = String::new();
    for (origin, findings) in checked {
        for finding in findings {
            let Finding {
                severity,
                code,
                message,
                help,
                ..
            } = finding;
            // Writing into a String cannot fail.
            writeln!(text, "{severity}[{code}] {}", escape_control(message)).ok();
            if let Some(help) = help {
                writeln!(text, "  help: {}", escape_control(help)).ok();
            }
        }
        let count = |wanted, noun| {
            let counted = findings.iter().filter(|one| one.severity == wanted);
            Plural(counted.map(|_| 1).sum(), noun)
        };
        let errors = count(Severity::Error, "error");
        let warnings = count(Severity::Warning, "warning");
        writeln!(
            text,
            "{}: {errors}, {warnings}",
            escape_control(&origin.to_string())
        )
        .ok();
    }
    text
}
