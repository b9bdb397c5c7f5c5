//! How often the expensive things are done: logins and evaluations.

use crate::scene::{Scene, everywhere, seen};
use crate::testbed::{Bed, Output, Profile};

/// A `nix` before the real one on PATH that notes with what it is called.
const COUNTING: &str = "#!/bin/sh\necho \"$*\" >>/root/nix.log\nexec /usr/bin/nix \"$@\"\n";

struct Counted {
    bed: Bed,
    logins: Vec<usize>,
}

impl Counted {
    fn new() -> Self {
        let bed = Bed::new(2);
        bed.operator().write("/root/counting/nix", COUNTING);
        bed.operator()
            .run(["chmod", "+x", "/root/counting/nix"])
            .success();
        Self {
            logins: vec![0; 2],
            bed,
        }
    }

    fn scene(&self, version: &str) -> Scene<'_> {
        Scene::new(
            &self.bed,
            "fleet",
            &everywhere(&self.bed, &Profile::new("app", version)),
        )
    }

    /// Returns what `deploy` printed, and how it called `nix`.
    #[track_caller]
    fn run(&self, version: &str, words: &[&str]) -> (Output, Vec<String>) {
        self.bed.operator().write("/root/nix.log", "");
        let script = "PATH=/root/counting:$PATH exec deploy \"$@\"";
        let words = [&["-c", script, "sh"], words].concat();
        let output = self
            .scene(version)
            .operator_command("sh", &words)
            .run()
            .success();
        let log = self.bed.operator().read("/root/nix.log");
        (output, log.lines().map(str::to_owned).collect())
    }

    /// Checks how many logins there were on each host since the last time.
    #[track_caller]
    fn logins_are(&mut self, expected: usize, output: &Output) {
        for (host, before) in self.bed.hosts().iter().zip(&mut self.logins) {
            let now = host.logins();
            assert_eq!(
                now - *before,
                expected,
                "{}\n{output}\n{}",
                host.name(),
                host.ssh_log()
            );
            *before = now;
        }
    }
}

fn count(calls: &[String], word: &str) -> usize {
    let words = |call: &&String| call.split(' ').any(|found| found == word);
    calls.iter().filter(words).count()
}

#[test]
fn a_plan_takes_one_login_and_one_evaluation() {
    let mut counted = Counted::new();
    let (output, calls) = counted.run("1.0", &["plan"]);
    counted.logins_are(1, &output);
    assert_eq!(count(&calls, "eval"), 1, "{calls:#?}");
    assert_eq!(count(&calls, "build"), 1, "{calls:#?}");
}

#[test]
fn an_apply_takes_two_logins_and_one_evaluation() {
    let mut counted = Counted::new();
    let (output, calls) = counted.run("1.0", &["apply", "--yes"]);
    counted.logins_are(2, &output);
    assert_eq!(count(&calls, "eval"), 1, "{calls:#?}");
    assert_eq!(count(&calls, "copy"), 2, "{calls:#?}");
    assert_eq!(seen(counted.bed.host(0), "app").activations, ["1.0"]);
    // Nothing to be done: it is only read.
    let (output, calls) = counted.run("1.0", &["apply", "--yes"]);
    counted.logins_are(1, &output);
    assert_eq!(count(&calls, "copy"), 0, "{calls:#?}");
}

#[test]
fn a_saved_plan_takes_two_logins_and_no_evaluation() {
    let mut counted = Counted::new();
    let (output, _) = counted.run("1.0", &["plan", "--out", "plan.json"]);
    counted.logins_are(1, &output);
    let (output, calls) = counted.run("1.0", &["apply", "plan.json"]);
    counted.logins_are(2, &output);
    assert_eq!(
        (
            count(&calls, "eval"),
            count(&calls, "build"),
            count(&calls, "flake")
        ),
        (0, 0, 0),
        "{calls:#?}"
    );
    assert_eq!(seen(counted.bed.host(1), "app").activations, ["1.0"]);
}

#[test]
fn several_targets_of_one_flake_are_one_evaluation() {
    let counted = Counted::new();
    let (_, calls) = counted.run("1.0", &["plan", ".#web1", ".#web2.app"]);
    assert_eq!(count(&calls, "eval"), 1, "{calls:#?}");
}
