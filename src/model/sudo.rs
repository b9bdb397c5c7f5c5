//! The forms of a sudo command line: one that never asks, and one that asks on standard input.

/// Returns the command line in a form that fails where it would have to ask; nothing where it is
/// that of another program, whose options are not known.
pub fn never_asking(sudo: &[String]) -> Option<Vec<String>> {
    with_options(sudo, &["-n"])
}

/// Returns the command line in a form that asks with this prompt for a password on standard input.
pub fn asking(sudo: &[String], prompt: &str) -> Option<Vec<String>> {
    with_options(sudo, &["-S", "-p", prompt])
}

/// Returns the same, whatever sudo remembers of an earlier answer.
pub fn asking_anew(sudo: &[String], prompt: &str) -> Option<Vec<String>> {
    with_options(sudo, &["-k", "-S", "-p", prompt])
}

/// Puts options behind the word that is sudo itself: one like `env` may stand before it.
fn with_options(sudo: &[String], options: &[&str]) -> Option<Vec<String>> {
    let is_sudo = |word: &String| word == "sudo" || word.ends_with("/sudo");
    let place = sudo.iter().position(is_sudo)? + 1;
    let mut words = sudo[..place].to_vec();
    words.extend(options.iter().map(ToString::to_string));
    words.extend(sudo[place..].iter().filter(|word| *word != "-n").cloned());
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(form: Option<Vec<String>>) -> Option<String> {
        form.map(|words| words.join(" "))
    }

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn options_follow_sudo_itself() {
        for (given, quiet, anew) in [
            (
                "sudo -n -u root",
                "sudo -n -u root",
                "sudo -k -S -p P -u root",
            ),
            (
                "env A=b /run/wrappers/bin/sudo -H -u app",
                "env A=b /run/wrappers/bin/sudo -n -H -u app",
                "env A=b /run/wrappers/bin/sudo -k -S -p P -H -u app",
            ),
        ] {
            let given = words(given);
            assert_eq!(line(never_asking(&given)).as_deref(), Some(quiet));
            assert_eq!(line(asking_anew(&given, "P")).as_deref(), Some(anew));
        }
        assert_eq!(asking(&words("doas -u root"), "P"), None);
    }
}
