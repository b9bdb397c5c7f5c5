//! What happens to the operator: killed, interrupted, hung up, suspended.

use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{Answer, Lab};
use crate::registry::{EVERY, Fault};
use crate::state::VERSIONS;
use crate::testbed::Running;

/// How long a program takes to hear a signal, at most.
const HEARD: Duration = Duration::from_millis(500);
const EXIT: &str = "/root/exit";

pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("operator-killed", EVERY, killed),
    Fault::new("terminal-closed", EVERY, hung_up),
    Fault::new("ctrl-c-once", EVERY, interrupted_once),
    Fault::new("ctrl-c-twice", EVERY, interrupted_twice),
    Fault::new("operator-suspended", EVERY, suspended),
];

fn killed(lab: &Lab) -> Answer {
    let run = lab.start_held();
    let since = Instant::now();
    let output = run.kill();
    lab.release();
    Answer {
        waited: None,
        ..Answer::of(&output, since)
    }
}

/// What a person's shell does: the kernel tells it that the terminal is gone, and it tells its jobs.
const SHELL: &str = "trap 'kill -HUP $pid' HUP; deploy apply --yes & pid=$!; \
                     wait $pid; wait $pid; echo $? > /root/exit";

/// The terminal goes with the program that shows it.
fn hung_up(lab: &Lab) -> Answer {
    let mut run = start_in_shell(lab, SHELL, true);
    lab.wait_held(&mut run);
    let since = Instant::now();
    let output = run.kill();
    thread::sleep(HEARD);
    lab.release();
    lab.wait_until("deploy has ended", || lab.operator().exists(EXIT));
    Answer {
        waited: None,
        exit: lab.operator().read(EXIT).trim().parse().unwrap(),
        ..Answer::of(&output, since)
    }
}

fn interrupted_once(lab: &Lab) -> Answer {
    lab.meets(|run| {
        run.interrupt();
        thread::sleep(HEARD);
    })
}

fn interrupted_twice(lab: &Lab) -> Answer {
    let mut run = lab.start_held();
    let since = Instant::now();
    run.interrupt();
    thread::sleep(HEARD);
    run.interrupt();
    let answer = Answer::of(&run.wait(), since);
    lab.release();
    answer
}

/// Everything that belongs to the run stands still, its connections included.
fn suspended(lab: &Lab) -> Answer {
    // The shell is what the test waits for, which would be confused by a stopped child.
    let mut run = start_in_shell(lab, "deploy apply --yes; exit $?", false);
    lab.wait_held(&mut run);
    let since = Instant::now();
    let everything = |signal| {
        lab.operator()
            .run(["pkill", signal, "-x", "deploy|ssh|nix"])
    };
    drop(everything("-STOP").success());
    lab.release();
    thread::sleep(Duration::from_secs(6));
    drop(everything("-CONT").success());
    Answer::of(&run.wait(), since)
}

fn start_in_shell(lab: &Lab, script: &str, in_terminal: bool) -> Running {
    lab.arm();
    let scene = lab.scene(&lab.flake(&[lab.profile(VERSIONS[1])]));
    let command = scene.operator_command("sh", &["-c", script]);
    if in_terminal {
        command.terminal().spawn()
    } else {
        command.spawn()
    }
}
