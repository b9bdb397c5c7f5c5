//! What a unit's files say to `sd-switch`, which reads them closer to how systemd does than
//! `switch-to-configuration`: lines go on after a backslash, and quotes mean nothing.

use std::collections::BTreeMap;

use super::definition::Malformed;

/// Keys of `[Unit]` whose values are true or false.
const FLAGS: [&str; 5] = [
    "RefuseManualStart",
    "RefuseManualStop",
    "X-ReloadIfChanged",
    "X-RestartIfChanged",
    "X-StopIfChanged",
];
const SWITCH_METHOD: &str = "X-SwitchMethod";

/// All values of each key, by section and key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HomeFile(BTreeMap<(String, String), Vec<String>>);

/// How a unit wants to come from an old definition to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SwitchMethod {
    Reload,
    Restart,
    StopStart,
    KeepOld,
}

impl HomeFile {
    /// Adds what another file says, whose keys take the place of those that are there.
    pub(super) fn add(&mut self, text: &str) -> Result<(), Malformed> {
        let mut lines = Lines(text);
        let mut section: Option<String> = None;
        let mut sections = BTreeMap::new();
        while let Some(line) = lines.next_of_meaning() {
            if line.starts_with('[') {
                let name = section_name(line)?;
                // A section that comes again starts anew.
                sections.insert(name.clone(), BTreeMap::new());
                section = Some(name);
                continue;
            }
            let name = section.as_ref().ok_or(Malformed)?;
            let (key, value) = lines.entry(line)?;
            let keys = sections.entry(name.clone()).or_default();
            add_value(keys, name, key, value)?;
        }
        for (section, keys) in sections {
            let keys = keys.into_iter();
            self.0
                .extend(keys.map(|(key, values)| ((section.clone(), key), values)));
        }
        Ok(())
    }

    /// Returns whether a key of `[Unit]` is true or false, if it is set.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        Some(self.unit_value(key)? == "true")
    }

    /// Returns how the unit wants to be switched; the keys of old come after the new one.
    pub(super) fn method(&self) -> SwitchMethod {
        match self.unit_value(SWITCH_METHOD) {
            Some("reload") => return SwitchMethod::Reload,
            Some("restart") => return SwitchMethod::Restart,
            Some("keep-old") => return SwitchMethod::KeepOld,
            Some(_) => return SwitchMethod::StopStart,
            None => {}
        }
        if self.flag("X-ReloadIfChanged") == Some(true) {
            SwitchMethod::Reload
        } else if self.flag("X-RestartIfChanged") == Some(false) {
            SwitchMethod::KeepOld
        } else if self.flag("X-StopIfChanged") == Some(false) {
            SwitchMethod::Restart
        } else {
            SwitchMethod::StopStart
        }
    }

    /// Returns whether two say the same, apart from these keys of `[Unit]`.
    pub(super) fn is_same_but(&self, other: &Self, ignored: &[&str]) -> bool {
        let counts = |((section, key), _): &(&(String, String), &Vec<String>)| {
            section != "Unit" || !ignored.contains(&key.as_str())
        };
        let mine = self.0.iter().filter(counts);
        mine.eq(other.0.iter().filter(counts))
    }

    fn unit_value(&self, key: &str) -> Option<&str> {
        let values = self.0.get(&("Unit".to_owned(), key.to_owned()))?;
        values.last().map(String::as_str)
    }
}

fn section_name(line: &str) -> Result<String, Malformed> {
    let name = line
        .strip_prefix('[')
        .and_then(|line| line.strip_suffix(']'));
    let is_allowed =
        |name: &&str| !name.contains(['[', ']', '"', '\'']) && !name.contains(char::is_control);
    Ok(name.filter(is_allowed).ok_or(Malformed)?.to_owned())
}

fn add_value(
    keys: &mut BTreeMap<String, Vec<String>>,
    section: &str,
    key: String,
    value: String,
) -> Result<(), Malformed> {
    if section == "Unit" && FLAGS.contains(&key.as_str()) {
        keys.insert(key, vec![boolean(&value)?.to_string()]);
    } else if section == "Unit" && key == SWITCH_METHOD {
        if !["reload", "restart", "stop-start", "keep-old"].contains(&value.as_str()) {
            return Err(Malformed);
        }
        keys.insert(key, vec![value]);
    } else {
        keys.entry(key).or_default().push(value);
    }
    Ok(())
}

fn boolean(value: &str) -> Result<bool, Malformed> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Ok(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Ok(false),
        _ => Err(Malformed),
    }
}

/// The rest of a file.
struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    /// Returns the next line, without its end, and whether it had one.
    fn next(&mut self) -> Option<(&'a str, bool)> {
        if self.0.is_empty() {
            return None;
        }
        let split = self.0.split_once('\n');
        let (line, rest) = split.unwrap_or((self.0, ""));
        self.0 = rest;
        Some((line, split.is_some()))
    }

    /// Returns the next line that is neither blank nor a comment, from its first letter on, with its end.
    fn next_of_meaning(&mut self) -> Option<&'a str> {
        loop {
            self.0 = self.0.trim_ascii_start();
            let (line, has_end) = self.next()?;
            match line.chars().next() {
                Some('#' | ';') => {}
                _ if has_end || !line.starts_with('[') => return Some(line),
                // Only an end of line ends the name of a section.
                _ => return Some("["),
            }
        }
    }

    /// Returns the key and the value of a line, with the lines that it goes on in.
    fn entry(&mut self, line: &str) -> Result<(String, String), Malformed> {
        let (key, first) = line.split_once('=').ok_or(Malformed)?;
        let key = key.trim_end_matches([' ', '\t']);
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if key.is_empty() || !key.chars().all(is_letter) {
            return Err(Malformed);
        }
        let mut value = String::new();
        let mut line = first.trim_start_matches([' ', '\t']);
        while goes_on(line) {
            value.push_str(&line[..line.len() - 1]);
            value.push(' ');
            // The end of the file after a backslash is an error; an empty line after it is not.
            line = loop {
                let (next, _) = self.next().ok_or(Malformed)?;
                let next = next.trim_start_matches([' ', '\t']);
                if !next.starts_with(['#', ';']) {
                    break next;
                }
            };
        }
        value.push_str(line);
        Ok((key.to_owned(), value.trim().to_owned()))
    }
}

/// Returns whether a line ends with a backslash that no other one escapes.
fn goes_on(line: &str) -> bool {
    let backslashes = line.len() - line.trim_end_matches('\\').len();
    backslashes % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[&str]) -> Result<HomeFile, Malformed> {
        let mut all = HomeFile::default();
        for file in files {
            all.add(file)?;
        }
        Ok(all)
    }

    #[test]
    fn keys_of_later_files_replace_those_of_earlier_ones() {
        let read = of(&[
            "# c\n[Service]\nA=1\nA = 2 \\\n  # comment\n  3\n\n[Unit]\nRefuseManualStop=yes\n",
            "[Service]\nB=\"x\"\n[Unit]\nRefuseManualStop=F\n",
        ]);
        let same = of(&["[Unit]\nRefuseManualStop=0\n[Service]\nB=\"x\"\nA=1\nA=2  3"]);
        assert_eq!(read, same);
        let replaced = of(&["[Service]\nA=1\n", "[Service]\nA=2\n"]);
        assert_eq!(replaced, of(&["[Service]\nA=2\n"]));
        let again = of(&["[Service]\nA=1\n[Service]\nB=1\n"]);
        assert_eq!(again, of(&["[Service]\nB=1\n"]));
    }

    #[test]
    fn the_newer_key_decides_how_to_switch() {
        for (text, method) in [
            ("", SwitchMethod::StopStart),
            ("X-SwitchMethod=reload", SwitchMethod::Reload),
            (
                "X-SwitchMethod=stop-start\nX-RestartIfChanged=no",
                SwitchMethod::StopStart,
            ),
            (
                "X-SwitchMethod=keep-old\nX-ReloadIfChanged=on",
                SwitchMethod::KeepOld,
            ),
            (
                "X-ReloadIfChanged=1\nX-RestartIfChanged=0",
                SwitchMethod::Reload,
            ),
            (
                "X-RestartIfChanged=0\nX-StopIfChanged=0",
                SwitchMethod::KeepOld,
            ),
            ("X-StopIfChanged=off", SwitchMethod::Restart),
            ("X-StopIfChanged=t", SwitchMethod::StopStart),
        ] {
            let read = of(&[&format!("[Unit]\n{text}\n")]).unwrap();
            assert_eq!(read.method(), method, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read() {
        for text in [
            "A=1",
            "[Unit]",
            "[Unit]A=1\n",
            "[Un\"it]\n",
            "[Unit] # why\n",
            "[Unit]\nA",
            "[Unit]\n=1",
            "[Unit]\nA b=1",
            "[Unit]\nA=1\\",
            "[Unit]\nRefuseManualStop=maybe",
            "[Unit]\nX-SwitchMethod=later",
        ] {
            assert_eq!(of(&[text]), Err(Malformed), "{text:?}");
        }
        assert!(of(&["[Service]\nX-SwitchMethod=later\nRefuseManualStop=maybe"]).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\[\\]A-C=:;# \"'\\\\\n\r\t☎]{0,40}") {
            of(&[&text]).ok();
        }
    }
}
