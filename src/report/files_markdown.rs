//! How files differ, as folded blocks of Markdown.
//!
//! Text of files stands between fences that are longer than any row of backticks in it, so that
//! none of it is read as Markdown, HTML or somebody's name.

use std::fmt::Write as _;

use super::files::{FilesView, change_word, sign};
use super::format::escape_control;
use super::markdown::{code, escaped};
use crate::plan::{DiffLine, FileChange, FileDifference, FileDifferences};

const FENCE: char = '`';
const FENCE_MIN: usize = 3;

/// Returns a block of what is only named, and one for each file whose lines are shown.
pub(super) fn file_details(differences: &FileDifferences) -> Vec<String> {
    let view = FilesView::of(differences);
    let mut named = String::new();
    let mut blocks = Vec::new();
    for note in &view.notes {
        let _ = writeln!(named, "- {}", escaped(note));
    }
    for (file, on) in &view.files {
        let title = title(file, on);
        match &file.difference {
            FileDifference::Named(reason) => {
                let _ = writeln!(named, "- {title}&#58; {}", escaped(reason));
            }
            FileDifference::Lines(lines) => blocks.push(format!(
                "<details><summary>{title}</summary>\n\n{}\n</details>\n\n",
                fenced(lines)
            )),
        }
    }
    let named = (!named.is_empty())
        .then(|| format!("<details><summary>Files</summary>\n\n{named}\n</details>\n\n"));
    named.into_iter().chain(blocks).collect()
}

fn title(file: &FileChange, on: &str) -> String {
    let word = change_word(file);
    format!("{} {word} on {}", code(&file.place), escaped(on))
}

fn fenced(lines: &[DiffLine]) -> String {
    let lines = lines.iter();
    let text = lines.fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{}{}", sign(line), escape_control(&line.text));
        text
    });
    let rows = text.split(|letter| letter != FENCE).map(str::len);
    let length = rows.max().unwrap_or(0) + 1;
    let fence = FENCE.to_string().repeat(length.max(FENCE_MIN));
    format!("{fence}diff\n{text}{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::DiffLineKind;
    use crate::report::fixtures;
    use proptest::prelude::*;

    #[test]
    fn files_of_many_profiles() {
        insta::assert_snapshot!(file_details(&fixtures::file_differences()).concat(), @r"
        <details><summary>Files</summary>

        - db1.system&#58; could not be looked at&#58; etc&#47;x&#58; its links lead in a circle
        - db1.system&#58; only hashes of store paths differ in 1 file
        - web1.system, web2.system, web3.system and 1 more&#58; only hashes of store paths differ in 12 files
        - <code>etc&#47;db.key</code> removed on db1.system&#58; it is named like a secret

        </details>

        <details><summary><code>etc&#47;&#60;b&#62;&#96;&#124;&#92;n</code> added on db1.system</summary>

        ````diff
        @@ -0,0 +1,2 @@
        +```</details><script>@everyone
        +a line longer than the terminal word word word word word word word word word word word word word word word word word word word word
        ````

        </details>

        <details><summary><code>etc&#47;nginx&#47;nginx.conf</code> changed on web1.system, web2.system, web3.system and 1 more</summary>

        ```diff
        @@ -1,3 +1,3 @@
         http {
        -  gzip off;
        +  gzip on;\x1b]52;c;eA==\x07
         }
        ```

        </details>
        ");
    }

    proptest! {
        #[test]
        fn no_text_ends_its_fence(texts in proptest::collection::vec("[`~ ]{0,6}(</details>|@all)?[`\u{1b}\u{202e}☎]{0,5}", 1..5)) {
            let lines = texts.iter().map(|text| DiffLine { kind: DiffLineKind::Same, text: text.clone() });
            let block = fenced(&lines.collect::<Vec<_>>());
            let fence = block.lines().next().unwrap().trim_end_matches("diff").to_owned();
            let ends = block.lines().filter(|line| line.trim().starts_with(&fence)).count();
            prop_assert_eq!(ends, 2, "the first and the last: {}", block);
            let end = format!("\n{fence}\n");
            prop_assert!(block.ends_with(&end));
            let is_safe = !block.contains(['\u{1b}', '\u{202e}']);
            prop_assert!(is_safe);
        }
    }
}
