//! The last lines of a stream, however long the stream is.

use std::collections::VecDeque;

const LINES_MAX: usize = 40;
const LINE_LENGTH_MAX: usize = 2000;

/// The last lines that were pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail(VecDeque<String>);

impl Tail {
    /// Adds a line, and drops the first where there are too many.
    pub fn push(&mut self, line: &str) {
        if self.0.len() == LINES_MAX {
            self.0.pop_front();
        }
        self.0
            .push_back(line.chars().take(LINE_LENGTH_MAX).collect());
    }

    /// Returns the lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns the lines as one text.
    pub fn text(&self) -> String {
        self.lines().collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_lines() {
        let mut tail = Tail::default();
        (0..100).for_each(|number| tail.push(&number.to_string()));
        assert_eq!(tail.lines().next(), Some("60"));
        assert_eq!(tail.lines().next_back(), Some("99"));
    }
}
