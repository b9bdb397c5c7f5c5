//! What a unit's files say: sections of keys, each with all its values.
//!
//! `switch-to-configuration` reads them as an INI file, not as systemd does: a line that goes on
//! after a backslash is a key of its own. What it would not see is not seen here either.

use std::collections::BTreeMap;

/// A file that `switch-to-configuration` cannot read: it would end with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// All values of a key. A file that repeats a key is not the same as two files that set it once,
/// so those of each file stay together.
type Values = Vec<Vec<String>>;

/// What the file of a unit and those that override it say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Definition(BTreeMap<String, BTreeMap<String, Values>>);

impl Definition {
    /// Adds what another file says.
    pub(super) fn add(&mut self, text: &str) -> Result<(), Malformed> {
        for (section, keys) in parse(text)? {
            let known = self.0.entry(section).or_default();
            for (key, values) in keys {
                let resets = values.iter().rposition(String::is_empty);
                let known = known.entry(key).or_default();
                if resets.is_some() {
                    known.clear();
                }
                let set = values[resets.map_or(0, |last| last + 1)..].to_vec();
                if !set.is_empty() {
                    known.push(set);
                }
            }
        }
        Ok(())
    }

    /// Returns the sections.
    pub(super) fn sections(&self) -> &BTreeMap<String, BTreeMap<String, Values>> {
        &self.0
    }

    /// Returns whether a key is true; `otherwise` where it is not set.
    pub(super) fn flag(&self, section: &str, key: &str, otherwise: bool) -> bool {
        match self.values(section, key).last() {
            None => otherwise,
            Some(value) => matches!(value, "1" | "yes" | "true" | "on"),
        }
    }

    /// Returns the words of all values of a key.
    pub(super) fn words(&self, section: &str, key: &str) -> Vec<&str> {
        let values = self.values(section, key);
        values.flat_map(str::split_whitespace).collect()
    }

    fn values(&self, section: &str, key: &str) -> impl Iterator<Item = &str> {
        let values = self.0.get(section).and_then(|keys| keys.get(key));
        values.into_iter().flatten().flatten().map(String::as_str)
    }
}

type Section = (String, BTreeMap<String, Vec<String>>);

/// Returns the sections in their order; what stands before the first, and how a unit is
/// installed, says nothing about it.
fn parse(text: &str) -> Result<Vec<Section>, Malformed> {
    let mut sections: Vec<Section> = vec![Section::default()];
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        rest = match first {
            ';' | '#' => {
                let before = &text[..text.len() - rest.len()];
                if !before.is_empty() && !before.ends_with('\n') {
                    return Err(Malformed);
                }
                rest.split_once('\n').map_or("", |(_, rest)| rest)
            }
            '[' => {
                let (name, rest) = rest[1..].split_once(']').ok_or(Malformed)?;
                sections.push((name.trim().to_owned(), BTreeMap::new()));
                rest
            }
            _ => {
                let (key, rest) = rest.split_once(['=', ':']).ok_or(Malformed)?;
                if key.is_empty() {
                    return Err(Malformed);
                }
                let (value, rest) = value(rest)?;
                if let Some((_, keys)) = sections.last_mut() {
                    keys.entry(key.trim().to_owned()).or_default().push(value);
                }
                rest
            }
        }
        .trim_start();
    }
    sections.retain(|(name, _)| !name.is_empty() && name != "Install");
    Ok(sections)
}

/// Takes the value apart from the lines that follow it.
fn value(text: &str) -> Result<(String, &str), Malformed> {
    let text = text.trim_start_matches(|letter: char| {
        letter.is_whitespace() && letter != '\n' && letter != '\r'
    });
    let quote = text
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''));
    let (quoted, rest) = match quote {
        Some(quote) => text[1..].split_once(quote).ok_or(Malformed)?,
        None => ("", text),
    };
    let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let value = format!("{quoted}{}", &rest[..end]);
    Ok((value.trim().to_owned(), &rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[&str]) -> Definition {
        let mut definition = Definition::default();
        for file in files {
            definition.add(file).unwrap();
        }
        definition
    }

    #[test]
    fn values_add_up_until_an_empty_one() {
        let base =
            "# a comment\n[Service]\nExecStart=a\nExecStart = \"b c\" d\n\n[Install]\nWantedBy=x\n";
        let definition = of(&[base]);
        assert_eq!(
            definition.words("Service", "ExecStart"),
            ["a", "b", "c", "d"]
        );
        assert!(!definition.sections().contains_key("Install"));
        let overridden = of(&[base, "[Service]\nExecStart=\nExecStart=e\n"]);
        assert_eq!(overridden.words("Service", "ExecStart"), ["e"]);
        let emptied = of(&[base, "[Service]\nExecStart=\n"]);
        assert!(emptied.sections()["Service"]["ExecStart"].is_empty());
    }

    #[test]
    fn flags_are_those_of_the_last_value() {
        let definition = of(&["[Unit]\nA=yes\nB=0\nC=on\nC=no\n"]);
        let flags = ["A", "B", "C", "D"].map(|key| definition.flag("Unit", key, true));
        assert_eq!(flags, [true, false, false, true]);
    }

    #[test]
    fn a_line_that_goes_on_hides_the_next_key() {
        let definition = of(&["[Service]\nExecStart=a \\\n  b\nX-StopIfChanged=false\nE=1\n"]);
        assert!(definition.flag("Service", "X-StopIfChanged", true));
        assert_eq!(definition.words("Service", "E"), ["1"]);
    }

    #[test]
    fn what_cannot_be_read() {
        for text in [
            "[Unit",
            "[Unit]\n  # indented\nA=1",
            "[Unit]\nA",
            "=1",
            "[Unit]\nA=\"b",
        ] {
            assert_eq!(parse(text), Err(Malformed), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\]A-C=:;# \"'\\\\\n\r\t☎]{0,40}") {
            Definition::default().add(&text).ok();
        }
    }
}
