//! Words for the shell on the other side, whichever it is.

/// Returns `word` so that a login shell reads it as this one word.
///
/// Made of pieces that POSIX shells and fish read alike: fish takes a backslash in single quotes
/// for an escape, so single quotes and backslashes go into double quotes, and nothing else does.
pub fn quote(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    let mut inside = false;
    for letter in word.chars() {
        match letter {
            '\'' | '\\' => {
                if inside {
                    quoted.push('\'');
                    inside = false;
                }
                quoted.push_str(if letter == '\'' { "\"'\"" } else { "\"\\\\\"" });
            }
            other => {
                if !inside {
                    quoted.push('\'');
                    inside = true;
                }
                quoted.push(other);
            }
        }
    }
    if inside {
        quoted.push('\'');
    }
    if quoted.is_empty() {
        quoted.push_str("''");
    }
    quoted
}

/// Returns a command line of these words.
pub fn quote_words<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<_> = words.into_iter().map(|word| quote(word.as_ref())).collect();
    quoted.join(" ")
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test asks a real shell")]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn read_by_sh(words: &[String]) -> Vec<String> {
        let line = format!("printf '%s\\0' {}", quote_words(words));
        let output = Command::new("/bin/sh")
            .arg("-c")
            .arg(line)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(
            quote_words(["nix-store", "--add", "/nix/store/x"]),
            "nix-store --add /nix/store/x"
        );
        assert_eq!(quote(""), "''");
        assert_eq!(quote("it's"), "'it'\"'\"'s'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_the_same_words(words in prop::collection::vec("[^\\x00]{0,12}", 1..4)) {
            prop_assert_eq!(read_by_sh(&words), words);
        }

        #[test]
        fn a_shell_reads_nasty_words(words in prop::collection::vec("[ '\"\\\\$`!;&|\n*~#-]{0,8}", 1..4)) {
            prop_assert_eq!(read_by_sh(&words), words);
        }
    }
}
