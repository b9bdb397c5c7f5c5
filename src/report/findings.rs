//! What `deploy check` has found, for people.

use std::fmt::Write as _;

use super::format::{Plural, escape_control};
use crate::config::{Finding, Severity};

/// Returns the findings of each flake, and how many there are.
pub fn findings_text(checked: &[(&str, Vec<Finding>)]) -> String {
    let mut text = String::new();
    for (flake, findings) in checked {
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
            "flake {}: {errors}, {warnings}",
            escape_control(flake)
        )
        .ok();
    }
    text
}
