//! Points at which a test makes the agent die or dawdle.
//!
//! `DEPLOY_AGENT_FAULT` holds `NAME=kill`, `NAME=sleep:MILLISECONDS` or `NAME=hold:FILE`, several
//! separated by commas. The last makes the file and goes on when somebody has removed it. Nothing
//! else reads the variable, and without it every point does nothing.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// The variable that arms points.
pub(super) const VARIABLE: &str = "DEPLOY_AGENT_FAULT";

static ARMED: OnceLock<Vec<(String, Fault)>> = OnceLock::new();

const POLL: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    Kill,
    Sleep(Duration),
    Hold(PathBuf),
}

/// Arms the points that `text` names, for the rest of the process.
pub(super) fn arm(text: &str) {
    ARMED.get_or_init(|| parse(text));
}

/// Does what the point of this name is armed with.
pub(super) fn point(name: &str) {
    let armed = ARMED.get().map_or(&[][..], Vec::as_slice);
    for (_, fault) in armed.iter().filter(|(armed, _)| armed == name) {
        match fault {
            Fault::Kill => {
                kill_process(getpid(), Signal::KILL).ok();
            }
            Fault::Sleep(time) => std::thread::sleep(*time),
            Fault::Hold(file) => hold(file),
        }
    }
}

fn hold(file: &Path) {
    if File::create_new(file).is_err() {
        return;
    }
    while file.exists() {
        std::thread::sleep(POLL);
    }
}

fn parse(text: &str) -> Vec<(String, Fault)> {
    text.split(',')
        .filter_map(|part| {
            let (name, what) = part.trim().split_once('=')?;
            let fault = match what.split_once(':') {
                None if what == "kill" => Fault::Kill,
                Some(("sleep", time)) => Fault::Sleep(Duration::from_millis(time.parse().ok()?)),
                Some(("hold", file)) => Fault::Hold(file.into()),
                _ => return None,
            };
            Some((name.to_owned(), fault))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_several_and_skips_what_it_does_not_know() {
        assert_eq!(
            parse("a=kill, b=sleep:20,c=explode,d,e=hold:/f"),
            [
                ("a".to_owned(), Fault::Kill),
                ("b".to_owned(), Fault::Sleep(Duration::from_millis(20))),
                ("e".to_owned(), Fault::Hold("/f".into())),
            ]
        );
    }
}
