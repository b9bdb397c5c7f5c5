//! The packages of a closure that differ, one per line.

use super::fleet::SharedChange;
use super::format::{Plural, width};
use super::line::Line;
use super::style::Tone;
use crate::plan::{PackageChange, PackageChangeKind as Kind};

/// How many packages of a profile are shown.
const LINES_MAX: usize = 30;

/// How many versions are listed whole; of more only those that differ are shown.
const VERSIONS_MAX: usize = 3;

const NO_VERSION: &str = "(no version)";
const NAME_WIDTH_MAX: usize = 36;
const VERSION_WIDTH_MAX: usize = 16;

/// Returns the changes by name. Where there are too many, rebuilt packages give way first.
pub(super) fn package_lines(changes: &[PackageChange], indent: usize) -> Vec<Line> {
    let added = changes.iter().all(|change| change.kind == Kind::Added);
    if added && changes.len() > LINES_MAX {
        let text = format!("{} packages, all new", changes.len());
        return vec![Line::indented(indent).put(Tone::Plain, text)];
    }
    let mut chosen = Chosen::of(changes.iter().map(|change| (change, String::new())));
    chosen
        .shown
        .sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    chosen.lines(indent)
}

/// Returns the changes in their own order, each with the number of nodes that it is on.
pub(super) fn shared_lines(shared: &[SharedChange<'_>], indent: usize) -> Vec<Line> {
    let nodes = |shared: &SharedChange<'_>| format!("on {} nodes", shared.nodes.len());
    Chosen::of(shared.iter().map(|shared| (shared.change, nodes(shared)))).lines(indent)
}

/// As many changes as are shown, with what follows each.
struct Chosen<'a> {
    shown: Vec<(&'a PackageChange, String)>,
    hidden_changes: usize,
    hidden_rebuilt: usize,
}

impl<'a> Chosen<'a> {
    fn of(changes: impl Iterator<Item = (&'a PackageChange, String)>) -> Self {
        let (mut rebuilt, mut shown): (Vec<_>, Vec<_>) =
            changes.partition(|(change, _)| change.kind == Kind::Rebuilt);
        let hidden_changes = shown.len().saturating_sub(LINES_MAX);
        shown.truncate(LINES_MAX);
        let hidden_rebuilt = rebuilt.len().saturating_sub(LINES_MAX - shown.len());
        rebuilt.truncate(LINES_MAX - shown.len());
        shown.append(&mut rebuilt);
        Self {
            shown,
            hidden_changes,
            hidden_rebuilt,
        }
    }

    fn lines(&self, indent: usize) -> Vec<Line> {
        let names = self.shown.iter().map(|(change, _)| width(&marked(change)));
        let names = names.max().unwrap_or(0).min(NAME_WIDTH_MAX);
        let changed = self
            .shown
            .iter()
            .filter(|(change, _)| has_arrow(change.kind));
        let versions = changed.map(|(change, _)| width(&before_and_after(change).0));
        let versions = versions.max().unwrap_or(0).min(VERSION_WIDTH_MAX);
        self.shown
            .iter()
            .map(|(change, rest)| line(change, indent, names, versions).next(Tone::Dim, rest))
            .chain(more_line(self.hidden_changes, self.hidden_rebuilt, indent))
            .collect()
    }
}

fn line(change: &PackageChange, indent: usize, names: usize, versions: usize) -> Line {
    let kind = change.kind;
    let (symbol, tone) = match kind {
        Kind::Added => ("+ ", Tone::Good),
        Kind::Removed => ("- ", Tone::Change),
        Kind::Rebuilt => ("  ", Tone::Dim),
        Kind::Upgraded | Kind::Changed => ("  ", Tone::Plain),
        Kind::Downgraded => ("! ", Tone::Bad),
    };
    let (before, after) = before_and_after(change);
    let line = Line::indented(indent.saturating_sub(symbol.len()))
        .put(tone, symbol)
        .cell(tone, marked(change), names)
        .put(Tone::Plain, "  ");
    match kind {
        Kind::Added => line.put(tone, after),
        Kind::Removed => line.put(tone, before),
        Kind::Rebuilt => {
            let paths = Plural(change.paths, "path");
            let rebuilt = format!("(rebuilt, {paths})");
            match before.as_str() {
                NO_VERSION => line.put(tone, rebuilt),
                version => line.put(tone, format!("{version} {rebuilt}")),
            }
        }
        Kind::Upgraded | Kind::Downgraded | Kind::Changed => {
            let line = line
                .column(Tone::Plain, before, versions)
                .put(Tone::Dim, " -> ")
                .put(Tone::Change, after);
            if kind == Kind::Downgraded {
                line.put(tone, " (downgrade)")
            } else {
                line
            }
        }
    }
}

/// Returns the name, with a mark where somebody asked for the package by name.
fn marked(change: &PackageChange) -> String {
    let mark = if change.direct { " *" } else { "" };
    format!("{}{mark}", change.name)
}

fn has_arrow(kind: Kind) -> bool {
    !matches!(kind, Kind::Added | Kind::Removed | Kind::Rebuilt)
}

fn more_line(changes: usize, rebuilt: usize, indent: usize) -> Option<Line> {
    let what = match (changes, rebuilt) {
        (0, 0) => return None,
        (0, rebuilt) => format!("{rebuilt} more rebuilt"),
        (changes, 0) => format!("{changes} more"),
        (changes, rebuilt) => format!("{} more, {rebuilt} of them rebuilt", changes + rebuilt),
    };
    let text = format!("… and {what} (deploy show --format json has all)");
    Some(Line::indented(indent).put(Tone::Dim, text))
}

fn before_and_after(change: &PackageChange) -> (String, String) {
    let (before, after) = (&change.before, &change.after);
    if before == after {
        let versions = versions(before, &[]);
        return (versions.clone(), versions);
    }
    (versions(before, after), versions(after, before))
}

/// Lists versions; of many only those that the other side lacks, since the rest says nothing.
fn versions(all: &[String], other: &[String]) -> String {
    let counted = |versions: &[String]| versions.chunk_by(|one, other| one == other).count();
    let mut shown: Vec<&[String]> = all.chunk_by(|one, other| one == other).collect();
    let total = shown.len();
    if total.max(counted(other)) > VERSIONS_MAX {
        shown.retain(|same| !other.contains(&same[0]));
        shown.truncate(VERSIONS_MAX);
    }
    let is_cut = shown.len() < total;
    let mut words: Vec<String> = shown.into_iter().map(repeated).collect();
    if is_cut {
        words.push("…".to_owned());
    }
    words.join(", ")
}

/// Returns a version, and how many builds of it there are.
fn repeated(same: &[String]) -> String {
    let version = match same[0].as_str() {
        "" => NO_VERSION,
        version => version,
    };
    match same.len() {
        1 => version.to_owned(),
        builds => format!("{version} x{builds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::rendered;
    use super::*;

    fn change(name: &str, before: &[&str], after: &[&str]) -> PackageChange {
        let texts = |versions: &[&str]| versions.iter().map(ToString::to_string).collect();
        PackageChange::new(name.to_owned(), texts(before), texts(after), 2)
    }

    fn text(changes: &[PackageChange]) -> String {
        rendered(&package_lines(changes, 4), 80, false)
    }

    #[test]
    fn every_kind_of_change() {
        let changes = [
            change("etc", &[""], &[""]),
            change("glibc", &["2.39-31", "2.40"], &["2.40"]),
            change("linux", &["6.6.1"], &["6.1.9"]),
            change("new", &[], &["1.0"]),
            change("old", &["0.9", ""], &[]),
            change(
                "python3",
                &["3.9", "3.10", "3.11", "3.12"],
                &["3.9", "3.10", "3.11", "3.13"],
            ),
            change("source", &["1", "2", "3", "4"], &["1", "2", "3", "4"]),
            change("units", &[""], &["1.1"]),
            PackageChange {
                direct: true,
                ..change("zlib", &["1.2", "1.2"], &["1.3"])
            },
        ];
        insta::assert_snapshot!(text(&changes), @r"
          etc      (rebuilt, 2 paths)
          glibc    2.39-31, 2.40 -> 2.40
        ! linux    6.6.1         -> 6.1.9 (downgrade)
        + new      1.0
        - old      0.9, (no version)
          python3  3.12, …       -> 3.13, …
          source   1, 2, 3, … (rebuilt, 2 paths)
          units    (no version)  -> 1.1
          zlib *   1.2 x2        -> 1.3
        ");
    }

    #[test]
    fn rebuilt_packages_give_way() {
        let rebuilt = (0..40).map(|number| change(&format!("p{number:02}"), &["1"], &["1"]));
        let mut changes: Vec<_> = rebuilt.collect();
        changes.push(change("zlib", &["1.3"], &["1.3.1"]));
        let text = text(&changes);
        assert_eq!(text.lines().count(), LINES_MAX + 1);
        assert!(text.contains("zlib  1.3 -> 1.3.1"));
        assert!(text.ends_with("… and 11 more rebuilt (deploy show --format json has all)\n"));
    }

    #[test]
    fn a_new_closure_is_a_number() {
        let all: Vec<_> = (0..31)
            .map(|n| change(&format!("p{n}"), &[], &["1"]))
            .collect();
        assert_eq!(text(&all), "    31 packages, all new\n");
        assert_eq!(text(&[]), "");
    }
}
