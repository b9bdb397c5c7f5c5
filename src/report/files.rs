//! How files differ, beside a plan: what is the same on many profiles is said once.

use std::collections::BTreeMap;

use super::format::Plural;
use super::line::{Line, message_lines};
use super::style::Tone;
use crate::model::quoted;
use crate::plan::{
    DiffLine, DiffLineKind, FileChange, FileChangeKind, FileDifference, FileDifferences,
};

/// How many profiles are named where something is the same on more.
const PROFILES_MAX: usize = 3;

/// The differences of all profiles, folded.
#[derive(Default)]
pub(super) struct FilesView<'a> {
    /// How files differ, each with the profiles where they do.
    pub(super) files: Vec<(&'a FileChange, String)>,
    /// What else is to be said.
    pub(super) notes: Vec<String>,
}

impl<'a> FilesView<'a> {
    pub(super) fn of(differences: &'a FileDifferences) -> Self {
        let mut files = BTreeMap::<&FileChange, Vec<String>>::new();
        let mut notes = BTreeMap::<String, Vec<String>>::new();
        for ((node, profile), changes) in differences {
            let name = format!("{}.{}", quoted(node.as_str()), quoted(profile.as_str()));
            for file in &changes.files {
                files.entry(file).or_default().push(name.clone());
            }
            let unseen = changes.unseen.iter();
            let rebuilt = (changes.rebuilt > 0).then(|| {
                let files = Plural(changes.rebuilt as u64, "file");
                format!("only hashes of store paths differ in {files}")
            });
            let unseen = unseen.map(|what| format!("could not be looked at: {what}"));
            for note in rebuilt.into_iter().chain(unseen) {
                notes.entry(note).or_default().push(name.clone());
            }
        }
        if files.is_empty() && notes.is_empty() {
            notes.insert("none differs".to_owned(), Vec::new());
        }
        let files = files.into_iter();
        let notes = notes.into_iter();
        Self {
            files: files.map(|(file, names)| (file, listed(&names))).collect(),
            notes: notes
                .map(|(note, names)| match names[..] {
                    [] => note,
                    _ => format!("{}: {note}", listed(&names)),
                })
                .collect(),
        }
    }
}

fn listed(names: &[String]) -> String {
    let shown = &names[..names.len().min(PROFILES_MAX)];
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Returns the word for what has become of a file.
pub(super) fn change_word(file: &FileChange) -> &'static str {
    match file.kind {
        FileChangeKind::Added => "added",
        FileChangeKind::Removed => "removed",
        FileChangeKind::Changed => "changed",
    }
}

/// Returns the sign at the start of a line, as in all differences of files.
pub(super) fn sign(line: &DiffLine) -> &'static str {
    match line.kind {
        DiffLineKind::Place => "",
        DiffLineKind::Same => " ",
        DiffLineKind::Removed => "-",
        DiffLineKind::Added => "+",
    }
}

/// Returns all differences as lines. Those of files are never cut: what differs may stand at their
/// end.
pub(super) fn file_blocks(differences: &FileDifferences, columns: usize) -> Vec<Vec<Line>> {
    let view = FilesView::of(differences);
    let title = Line::default().put(Tone::Strong, "Files");
    let notes = view.notes.iter();
    let notes = notes.flat_map(|note| message_lines(2, Tone::Dim, note, columns));
    let mut blocks = vec![std::iter::once(title).chain(notes).collect()];
    blocks.extend(view.files.iter().map(|(file, on)| file_lines(file, on)));
    blocks
}

fn file_lines(file: &FileChange, on: &str) -> Vec<Line> {
    let tone = match file.kind {
        FileChangeKind::Added => Tone::Good,
        FileChangeKind::Removed => Tone::Bad,
        FileChangeKind::Changed => Tone::Change,
    };
    let title = Line::indented(2)
        .put(Tone::Strong, &file.place)
        .next(tone, change_word(file))
        .put(Tone::Dim, format!(" on {on}"));
    let (title, lines) = match &file.difference {
        FileDifference::Named(reason) => (title.put(Tone::Plain, format!(": {reason}")), &[][..]),
        FileDifference::Lines(lines) => (title, &lines[..]),
    };
    let lines = lines.iter().map(|line| {
        let tone = match line.kind {
            DiffLineKind::Place => Tone::Dim,
            DiffLineKind::Same => Tone::Plain,
            DiffLineKind::Removed => Tone::Bad,
            DiffLineKind::Added => Tone::Good,
        };
        Line::indented(4).put(tone, format!("{}{}", sign(line), line.text))
    });
    std::iter::once(title)
        .chain(lines)
        .map(Line::whole)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;
    use crate::report::line::rendered;

    #[test]
    fn files_of_many_profiles() {
        let blocks = file_blocks(&fixtures::file_differences(), 80);
        let lines = blocks.join(&Line::default());
        insta::assert_snapshot!(rendered(&lines, 80, false), @r"
        Files
          db1.system: could not be looked at: etc/x: its links lead in a circle
          db1.system: only hashes of store paths differ in 1 file
          web1.system, web2.system, web3.system and 1 more: only hashes of store paths
            differ in 12 files

          etc/<b>`|\n  added on db1.system
            @@ -0,0 +1,2 @@
            +```</details><script>@everyone
            +a line longer than the terminal word word word word word word word word word word word word word word word word word word word word

          etc/db.key  removed on db1.system: it is named like a secret

          etc/nginx/nginx.conf  changed on web1.system, web2.system, web3.system and 1 more
            @@ -1,3 +1,3 @@
             http {
            -  gzip off;
            +  gzip on;\x1b]52;c;eA==\x07
             }
        ");
    }
}
