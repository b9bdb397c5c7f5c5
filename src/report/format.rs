//! How values are written: sizes, times, counts, generations, and text that others wrote.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::model::{Generation, RunId};

const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];

/// A size in bytes, such as `3.4 MiB`.
#[derive(Debug, Clone, Copy)]
pub struct DisplaySize(
    /// Bytes.
    pub u64,
);

impl fmt::Display for DisplaySize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(formatter, "{} B", self.0);
        }
        let mut unit_size = 1024_u128;
        let mut chosen = (0, UNITS[0]);
        for unit in UNITS {
            let tenths = (u128::from(self.0) * 10 + unit_size / 2) / unit_size;
            chosen = (tenths, unit);
            // Compared after rounding, or 1023.96 KiB would be written as 1024.0 KiB.
            if tenths < 10_240 {
                break;
            }
            unit_size *= 1024;
        }
        let (tenths, unit) = chosen;
        write!(formatter, "{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// How much a size changes, such as `+10.0 MiB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct DisplayGrowth {
    pub(super) before: u64,
    pub(super) after: u64,
}

impl fmt::Display for DisplayGrowth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = DisplaySize(self.after.abs_diff(self.before));
        match self.after.cmp(&self.before) {
            std::cmp::Ordering::Less => write!(formatter, "-{size}"),
            std::cmp::Ordering::Equal => formatter.write_str("same size"),
            std::cmp::Ordering::Greater => write!(formatter, "+{size}"),
        }
    }
}

/// How long something took, such as `12.3 s` or `2 min 05 s`.
#[derive(Debug, Clone, Copy)]
pub struct DisplayElapsed(
    /// The time.
    pub Duration,
);

impl fmt::Display for DisplayElapsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0.as_millis() + 50) / 100;
        let seconds = tenths / 10;
        match seconds {
            0..60 => write!(formatter, "{seconds}.{} s", tenths % 10),
            60..3600 => write!(formatter, "{} min {:02} s", seconds / 60, seconds % 60),
            _ => write!(
                formatter,
                "{} h {:02} min",
                seconds / 3600,
                seconds / 60 % 60
            ),
        }
    }
}

/// How long something takes already, in whole seconds, such as `12s` or `2m05s`.
#[derive(Debug, Clone, Copy)]
pub(super) struct DisplayTicking(pub(super) Duration);

impl fmt::Display for DisplayTicking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(formatter, "{seconds}s"),
            60..3600 => write!(formatter, "{}m{:02}s", seconds / 60, seconds % 60),
            _ => write!(formatter, "{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        }
    }
}

/// A count and its regular noun, such as `1 node` or `3 nodes`.
#[derive(Debug, Clone, Copy)]
pub struct Plural<'a>(
    /// The count.
    pub u64,
    /// The noun in the singular.
    pub &'a str,
);

impl fmt::Display for Plural<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = if self.0 == 1 { "" } else { "s" };
        write!(formatter, "{} {}{ending}", self.0, self.1)
    }
}

/// The generation before and after, such as `generation 41 -> 42`; empty where both are unknown.
#[derive(Debug, Clone, Copy)]
pub(super) struct DisplayGenerations {
    pub(super) before: Option<Generation>,
    pub(super) after: Option<Generation>,
}

impl fmt::Display for DisplayGenerations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.before, self.after) {
            (None, None) => Ok(()),
            (None, Some(one)) => write!(formatter, "generation {one}"),
            (Some(before), Some(after)) if before == after => {
                write!(formatter, "generation {before}")
            }
            (Some(before), Some(after)) => write!(formatter, "generation {before} -> {after}"),
            (Some(before), None) => write!(formatter, "generation {before} -> ?"),
        }
    }
}

/// Returns the start of an id, which is enough to tell a few apart.
pub(super) fn short(id: &RunId) -> &str {
    id.as_str().get(..8).unwrap_or(id.as_str())
}

/// Returns `text` such that printing it cannot move the cursor, change colours or turn the
/// direction of writing: characters that could are written as escapes such as `\x1b`.
///
/// Colour sequences, which Nix and systemd write freely, are dropped instead, and tabs become
/// spaces, since both would only make harmless text hard to read.
pub fn escape_control(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(after) = after_colour_sequence(rest) {
            rest = after;
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            '\t' => safe.push_str("    "),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            other if other.is_ascii_control() => {
                let _ = write!(safe, "\\x{:02x}", u32::from(other));
            }
            other if is_unsafe(other) => safe.extend(other.escape_unicode()),
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

/// Control characters, line separators, and marks that reorder the text around them.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

fn after_colour_sequence(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|character: char| !matches!(character, '0'..='9' | ';' | ':'))?;
    parameters[end..].strip_prefix('m')
}

/// Returns how many columns `text` takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// Returns the longest start of `text` that takes at most `columns`.
pub(super) fn start_within(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    let mut end = text.len();
    for (position, character) in text.char_indices() {
        taken += character.width().unwrap_or(0);
        if taken > columns {
            end = position;
            break;
        }
    }
    // A sequence can be wider than its characters, as with emoji variation selectors.
    while width(&text[..end]) > columns {
        end = text[..end]
            .char_indices()
            .next_back()
            .map_or(0, |last| last.0);
    }
    &text[..end]
}

/// What becomes of a word that is wider than a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LongWords {
    /// It is broken.
    Break,
    /// It stays whole on a line of its own, so that a path can be copied from it.
    Keep,
}

/// Returns `text` in lines of at most `columns`, broken at spaces where there are some.
pub(super) fn wrapped(text: &str, columns: usize, long_words: LongWords) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        while long_words == LongWords::Break && width(&line) > columns {
            let start = start_within(&line, columns).len();
            if start == 0 {
                break;
            }
            let rest = line.split_off(start);
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let table = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (3_565_158, "3.4 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "17179869184.0 GiB"),
        ];
        for (bytes, expected) in table {
            assert_eq!(DisplaySize(bytes).to_string(), expected);
        }
    }

    #[test]
    fn growth() {
        let of = |before, after| DisplayGrowth { before, after }.to_string();
        assert_eq!(of(0, 10 * 1024 * 1024), "+10.0 MiB");
        assert_eq!(of(2048, 0), "-2.0 KiB");
        assert_eq!(of(7, 7), "same size");
    }

    #[test]
    fn times() {
        let table = [
            (0, "0.0 s", "0s"),
            (12_345, "12.3 s", "12s"),
            (59_949, "59.9 s", "59s"),
            (59_970, "1 min 00 s", "59s"),
            (125_000, "2 min 05 s", "2m05s"),
            (3_725_000, "1 h 02 min", "1h02m"),
        ];
        for (millis, elapsed, ticking) in table {
            let time = Duration::from_millis(millis);
            assert_eq!(DisplayElapsed(time).to_string(), elapsed);
            assert_eq!(DisplayTicking(time).to_string(), ticking);
        }
    }

    #[test]
    fn generations() {
        let of = |before: Option<u64>, after: Option<u64>| {
            DisplayGenerations {
                before: before.map(Generation),
                after: after.map(Generation),
            }
            .to_string()
        };
        assert_eq!(of(Some(41), Some(42)), "generation 41 -> 42");
        assert_eq!(of(Some(41), Some(41)), "generation 41");
        assert_eq!(of(None, Some(1)), "generation 1");
        assert_eq!(of(Some(41), None), "generation 41 -> ?");
        assert_eq!(of(None, None), "");
    }

    #[test]
    fn control_characters_are_escaped() {
        let table = [
            ("plain ü …", "plain ü …"),
            ("\u{1b}]0;title\u{7}", "\\x1b]0;title\\x07"),
            ("\u{1b}[31;1merror:\u{1b}[0m no", "error: no"),
            ("\u{1b}[2J\u{1b}[", "\\x1b[2J\\x1b["),
            ("\u{1b}[3\u{1b}[1m1m", "\\x1b[31m"),
            ("a\tb\r\nc", "a    b\\r\\nc"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
        ];
        for (text, expected) in table {
            assert_eq!(escape_control(text), expected);
        }
    }

    #[test]
    fn words_wrap_and_long_words_break() {
        let broken = |text, columns| wrapped(text, columns, LongWords::Break);
        assert_eq!(broken("one two  three", 7), ["one two", "three"]);
        assert_eq!(broken("a bcdefghij k", 4), ["a", "bcde", "fghi", "j k"]);
        assert!(broken("", 4).is_empty());
        let kept = wrapped("a bcdefghij k", 4, LongWords::Keep);
        assert_eq!(kept, ["a", "bcdefghij", "k"]);
    }

    proptest::proptest! {
        #[test]
        fn escaped_text_is_safe_and_stays(text in "\\PC*|.*|[\u{1b}\\[0-9;m\u{9b}a]*") {
            let safe = escape_control(&text);
            proptest::prop_assert!(!safe.chars().any(is_unsafe));
            proptest::prop_assert_eq!(escape_control(&safe), &*safe);
        }

        #[test]
        fn nothing_gets_wider_than_asked(text in ".*", columns in 2_usize..40) {
            let text = escape_control(&text);
            proptest::prop_assert!(width(start_within(&text, columns)) <= columns);
            for line in wrapped(&text, columns, LongWords::Break) {
                proptest::prop_assert!(width(&line) <= columns, "{line:?}");
            }
        }
    }
}
