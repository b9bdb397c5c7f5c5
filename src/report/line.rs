//! A line of toned spans: what everything shown to people is made of.

use std::fmt::Display;

use super::format::{LongWords, escape_control, start_within, width, wrapped};
use super::style::{Mark, Tone};

const ELLIPSIS: &str = "…";
const GAP: &str = "  ";

/// A line of text. Control characters are escaped as it is made, so none of them gets through.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    spans: Vec<(Tone, String)>,
    whole: bool,
}

impl Line {
    /// Returns a line that starts with so many spaces.
    pub(super) fn indented(columns: usize) -> Self {
        Self::default().put(Tone::Plain, " ".repeat(columns))
    }

    /// Appends text.
    pub(super) fn put(mut self, tone: Tone, text: impl Display) -> Self {
        let text = text.to_string();
        self.spans.push((tone, escape_control(&text).into_owned()));
        self
    }

    /// Appends two spaces and text; nothing for an empty text.
    pub(super) fn next(self, tone: Tone, text: impl Display) -> Self {
        let text = text.to_string();
        if text.is_empty() {
            self
        } else {
            self.put(Tone::Plain, GAP).put(tone, text)
        }
    }

    /// Appends text that takes at least so many columns.
    pub(super) fn column(self, tone: Tone, text: impl Display, columns: usize) -> Self {
        let text = text.to_string();
        let missing = columns.saturating_sub(width(&escape_control(&text)));
        self.put(tone, text).put(Tone::Plain, " ".repeat(missing))
    }

    /// Appends text that takes exactly so many columns: a longer one is cut.
    pub(super) fn cell(self, tone: Tone, text: impl Display, columns: usize) -> Self {
        let text = Self::default().put(tone, text).render(columns, false);
        self.column(tone, text, columns)
    }

    /// Makes the line one that is never cut, such as a path that someone may want to copy.
    pub(super) fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Appends a mark's symbol and a space.
    pub(super) fn symbol(self, mark: Mark) -> Self {
        self.put(mark.tone, mark.symbol).put(Tone::Plain, " ")
    }

    /// Returns the line as text of at most `columns`, without space at its end.
    pub(super) fn render(&self, columns: usize, colour: bool) -> String {
        let whole: String = self.spans.iter().map(|(_, text)| text.as_str()).collect();
        let whole = whole.trim_end();
        let fits = self.whole || width(whole) <= columns;
        let kept = if fits {
            whole
        } else {
            start_within(whole, columns.saturating_sub(width(ELLIPSIS))).trim_end()
        };
        let mut rendered = String::new();
        let mut left = kept.len();
        let mut last = Tone::Plain;
        for (tone, text) in &self.spans {
            if left == 0 {
                break;
            }
            let shown = &text[..left.min(text.len())];
            left -= shown.len();
            last = *tone;
            rendered.push_str(&painted(*tone, shown, colour));
        }
        if !fits {
            rendered.push_str(&painted(last, ELLIPSIS, colour));
        }
        rendered
    }
}

fn painted(tone: Tone, text: &str, colour: bool) -> String {
    let style = tone.style();
    if colour && !text.trim().is_empty() {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// Returns prose as lines of at most `columns`, all of it, each starting with `indent` spaces, those after
/// the first two more.
pub(super) fn prose(indent: usize, tone: Tone, text: &str, columns: usize) -> Vec<Line> {
    paragraph(indent, tone, text, columns, LongWords::Break)
}

/// Returns prose like [`prose`], but with words that are never broken.
pub(super) fn message_lines(indent: usize, tone: Tone, text: &str, columns: usize) -> Vec<Line> {
    let lines = paragraph(indent, tone, text, columns, LongWords::Keep);
    lines.into_iter().map(Line::whole).collect()
}

fn paragraph(
    indent: usize,
    tone: Tone,
    text: &str,
    columns: usize,
    long_words: LongWords,
) -> Vec<Line> {
    let room = columns.saturating_sub(indent + GAP.len()).max(2);
    wrapped(&escape_control(text), room, long_words)
        .into_iter()
        .enumerate()
        .map(|(position, part)| {
            let hanging = if position == 0 { 0 } else { GAP.len() };
            Line::indented(indent + hanging).put(tone, part)
        })
        .collect()
}

/// Returns the lines as text, each with its end.
pub(super) fn rendered(lines: &[Line], columns: usize, colour: bool) -> String {
    lines
        .iter()
        .map(|line| line.render(columns, colour) + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_by_display_width() {
        let line = Line::indented(1)
            .put(Tone::Bad, "日本語")
            .put(Tone::Dim, "abc  ");
        assert_eq!(line.render(10, false), " 日本語abc");
        assert_eq!(line.render(9, false), " 日本語a…");
        assert_eq!(line.render(6, false), " 日本…");
        assert_eq!(line.render(5, false), " 日…");
    }

    #[test]
    fn colours_add_nothing_but_escape_sequences() {
        let line = Line::indented(2)
            .put(Tone::Good, "done")
            .next(Tone::Dim, "\u{1b}[2J");
        let coloured = line.render(80, true);
        assert_ne!(coloured, line.render(80, false));
        assert_eq!(
            anstream::adapter::strip_str(&coloured).to_string(),
            line.render(80, false)
        );
    }

    #[test]
    fn prose_hangs() {
        let lines = prose(2, Tone::Plain, "warning: one two three", 18);
        assert_eq!(
            rendered(&lines, 18, false),
            "  warning: one\n    two three\n"
        );
    }
}
