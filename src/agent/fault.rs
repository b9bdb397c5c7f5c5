//! Points at which a test makes the agent die or dawdle.
//!
//! `DEPLOY_AGENT_FAULT` holds `NAME=kill` or `NAME=sleep:MILLISECONDS`, several separated by commas.
//! Nothing else reads it, and without it every point does nothing.

use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// The variable that arms points.
pub(super) const VARIABLE: &str = "DEPLOY_AGENT_FAULT";

static ARMED: OnceLock<Vec<(String, Fault)>> = OnceLock::new();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill,
    Sleep(Duration),
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
        }
    }
}

fn parse(text: &str) -> Vec<(String, Fault)> {
    text.split(',')
        .filter_map(|part| {
            let (name, what) = part.trim().split_once('=')?;
            let fault = match what.split_once(':') {
                None if what == "kill" => Fault::Kill,
                Some(("sleep", time)) => Fault::Sleep(Duration::from_millis(time.parse().ok()?)),
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
            parse("a=kill, b=sleep:20,c=explode,d"),
            [
                ("a".to_owned(), Fault::Kill),
                ("b".to_owned(), Fault::Sleep(Duration::from_millis(20))),
            ]
        );
    }
}
