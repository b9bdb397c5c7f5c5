//! Telling processes from later ones with the same number, and ending an activation's group.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

use super::system::{Process, in_cgroup, process, processes};
use crate::protocol::ProcessIdentity;

/// How long an activation may take to end by itself once it was told to.
const GRACE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// Returns the identity of the process with this number.
pub(super) fn identify(pid: u32) -> ProcessIdentity {
    ProcessIdentity {
        pid,
        start_time: process(pid).map_or(0, |process| process.start_time),
    }
}

/// Where the processes of an activation are found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traces<'a> {
    /// What leads its session and group.
    pub(super) leader: ProcessIdentity,
    /// The control group that holds it and its agent alone.
    pub(super) cgroup: Option<&'a str>,
    /// Whether this process has started it and is told of its orphans.
    pub(super) is_ours: bool,
}

/// Ends the activation, and everything that is left of it, even where its leader itself is dead
/// already. Signals no process that began before it.
pub(super) async fn end_activation(traces: Traces<'_>) -> Result<(), String> {
    let leader = traces.leader;
    if leader.start_time == 0 {
        end_group(leader.pid).await;
        return Ok(());
    }
    let mut signal = Signal::TERM;
    let mut begin = Instant::now();
    loop {
        let members = members(traces);
        let mut refused = None;
        for member in &members {
            if let Err(error) = send(member.pid, signal) {
                refused = Some((member.pid, error));
            }
        }
        if members.is_empty() {
            return Ok(());
        }
        if begin.elapsed() > GRACE {
            if signal == Signal::KILL {
                let (pid, problem) = match refused {
                    Some((pid, error)) => (pid, error.to_string()),
                    None => (members[0].pid, "it does not end".to_owned()),
                };
                return Err(format!("process {pid}: {problem}"));
            }
            signal = Signal::KILL;
            begin = Instant::now();
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Where processes cannot be told apart, all that is known is the number of the group.
async fn end_group(leader: u32) {
    let Some(group) = pid(leader) else { return };
    kill_process_group(group, Signal::TERM).ok();
    let begin = Instant::now();
    while test_kill_process_group(group).is_ok() && begin.elapsed() < GRACE {
        tokio::time::sleep(POLL).await;
    }
    kill_process_group(group, Signal::KILL).ok();
}

/// The kernel gives a number to no new process while a session or group has it, so that living
/// members of the leader's session are the activation's.
fn members(traces: Traces<'_>) -> Vec<Process> {
    let leader = traces.leader;
    let all = processes();
    let replaced = all
        .iter()
        .any(|other| other.pid == leader.pid && other.start_time != leader.start_time);
    let own = std::process::id();
    let orphans = if traces.is_ours {
        descendants(&all, own)
    } else {
        BTreeSet::new()
    };
    let together = traces.cgroup.map(in_cgroup).unwrap_or_default();
    let is_led = |process: &Process| {
        !replaced && [process.session, process.group, process.pid].contains(&leader.pid)
    };
    let is_its =
        |process: &Process| orphans.contains(&process.pid) || together.contains(&process.pid);
    let is_later = |process: &Process| process.start_time >= leader.start_time;
    all.into_iter()
        .filter(|process| is_led(process) || is_its(process))
        .filter(|process| is_later(process) && !process.zombie && process.pid != own)
        .collect()
}

fn descendants(all: &[Process], ancestor: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        let children = all.iter().filter(|process| process.parent == parent);
        // A list that is read while processes come and go may show a circle.
        parents.extend(
            children
                .map(|process| process.pid)
                .filter(|pid| found.insert(*pid)),
        );
    }
    found
}

fn send(process: u32, signal: Signal) -> io::Result<()> {
    let Some(process) = pid(process) else {
        return Ok(());
    };
    match kill_process(process, signal) {
        Err(error) if error == rustix::io::Errno::SRCH => Ok(()),
        result => Ok(result?),
    }
}

fn pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Invocation, spawn_detached};

    /// Returns whether this very process is alive.
    fn is_alive(identity: ProcessIdentity) -> bool {
        process(identity.pid)
            .is_some_and(|found| found.start_time == identity.start_time && !found.zombie)
    }

    /// Where processes cannot be told apart there is nothing to try.
    fn are_told_apart() -> bool {
        !processes().is_empty()
    }

    fn led_by(leader: ProcessIdentity) -> Traces<'static> {
        Traces {
            leader,
            cgroup: None,
            is_ours: false,
        }
    }

    #[test]
    fn descendants_are_found_below_each_other() {
        let process = |pid, parent| Process {
            pid,
            parent,
            zombie: false,
            group: 0,
            session: 0,
            start_time: 1,
        };
        let all = [
            process(1, 0),
            process(5, 1),
            process(7, 5),
            process(8, 7),
            process(9, 1),
            process(3, 3),
        ];
        assert_eq!(descendants(&all, 5), BTreeSet::from([7, 8]));
        assert_eq!(descendants(&all, 3), BTreeSet::from([3]));
    }

    #[test]
    fn a_later_process_with_the_same_number_is_another() {
        if !are_told_apart() {
            return;
        }
        let own = identify(std::process::id());
        assert!(is_alive(own));
        let other = ProcessIdentity {
            start_time: own.start_time + 1,
            ..own
        };
        assert!(!is_alive(other));
        assert!(members(led_by(other)).is_empty());
    }

    #[tokio::test]
    async fn children_are_ended_although_their_leader_is_gone() {
        if !are_told_apart() {
            return;
        }
        let output = tempfile::NamedTempFile::new().unwrap();
        let script = "setsid sh -c 'echo $$; sh -c \"trap : TERM; while :; do sleep 0.1; done\" & \
                      sleep 0.3; kill -9 $$' & sleep 0.2";
        let shell = Invocation::new("/bin/sh").arg("-c").arg(script);
        let mut child = spawn_detached(&shell, None, output.as_file()).unwrap();
        child.wait().await.unwrap();
        let text = std::fs::read_to_string(output.path()).unwrap();
        let leader = identify(text.trim().parse().unwrap());
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!is_alive(leader));
        let traces = led_by(leader);
        assert!(!members(traces).is_empty());
        end_activation(traces).await.unwrap();
        assert!(members(traces).is_empty());
    }
}
