//! Two texts as lines that differ, with a few of those around them.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// How many lines around a difference are shown.
const CONTEXT: usize = 2;
/// The most lines of one file that are shown.
const LINES_MAX: usize = 200;
/// The most letters of a line that are shown.
const LINE_MAX: usize = 1_000;
/// After this the difference may be longer than it could be.
const TIME: Duration = Duration::from_millis(500);

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiffLine {
    /// What has become of it.
    pub kind: DiffLineKind,
    /// Its text, without its end.
    pub text: String,
}

/// What has become of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiffLineKind {
    /// No line of the file: says where the next ones stand, or what is left off.
    Place,
    /// It is in both.
    Same,
    /// It is gone.
    Removed,
    /// It is new.
    Added,
}

/// Returns how two texts differ.
pub(super) fn differing_lines(before: &str, after: &str) -> Vec<DiffLine> {
    let diff = TextDiff::configure()
        .timeout(TIME)
        .diff_lines(before, after);
    let mut lines = Vec::new();
    let place = |text: String| DiffLine {
        kind: DiffLineKind::Place,
        text,
    };
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(place(hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let kind = match change.tag() {
                ChangeTag::Equal => DiffLineKind::Same,
                ChangeTag::Delete => DiffLineKind::Removed,
                ChangeTag::Insert => DiffLineKind::Added,
            };
            let text = shortened(change.value());
            lines.push(DiffLine { kind, text });
            if change.missing_newline() {
                lines.push(place("no line end at the end of the file".to_owned()));
            }
        }
    }
    let more = lines.len().saturating_sub(LINES_MAX);
    if more > 0 {
        lines.truncate(LINES_MAX);
        lines.push(place(format!("… and {more} more lines")));
    }
    lines
}

fn shortened(line: &str) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    match line.char_indices().nth(LINE_MAX) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(before: &str, after: &str) -> String {
        let lines = differing_lines(before, after).into_iter();
        let line = |line: DiffLine| {
            let sign = match line.kind {
                DiffLineKind::Place => "",
                DiffLineKind::Same => " ",
                DiffLineKind::Removed => "-",
                DiffLineKind::Added => "+",
            };
            format!("{sign}{}\n", line.text)
        };
        lines.map(line).collect()
    }

    #[test]
    fn a_change_with_what_is_around_it() {
        let before = "1\n2\n3\n4\n5\n6\n7\n";
        assert_eq!(
            text(before, &before.replace('4', "four")),
            "@@ -2,5 +2,5 @@\n 2\n 3\n-4\n+four\n 5\n 6\n"
        );
        assert_eq!(
            text("a\n", "a"),
            "@@ -1 +1 @@\n-a\n+a\nno line end at the end of the file\n"
        );
        assert_eq!(text("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
    }

    #[test]
    fn what_is_too_much_is_cut() {
        let lines = differing_lines("", &"a\n".repeat(1_000));
        assert_eq!(lines.len(), LINES_MAX + 1);
        assert_eq!(lines[LINES_MAX].text, "… and 801 more lines");
        let lines = differing_lines("", &"☎".repeat(LINE_MAX + 1));
        assert_eq!(lines[1].text.chars().count(), LINE_MAX + 1);
        assert!(lines[1].text.ends_with('…'));
    }
}
