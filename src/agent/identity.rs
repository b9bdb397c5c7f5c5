//! Telling processes from later ones with the same number, and ending an activation's group.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

use crate::model::RunId;
use crate::protocol::ProcessIdentity;

/// How long an activation may take to end by itself once it was told to.
const GRACE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    pid: u32,
    parent: u32,
    zombie: bool,
    group: u32,
    session: u32,
    start_time: u64,
}

/// Returns the identity of the process with this number.
pub(super) fn identify(pid: u32) -> ProcessIdentity {
    ProcessIdentity {
        pid,
        start_time: stat(pid).map_or(0, |stat| stat.start_time),
    }
}

/// Returns whether this very process is alive.
#[cfg(test)]
fn is_alive(process: ProcessIdentity) -> bool {
    stat(process.pid).is_some_and(|stat| stat.start_time == process.start_time && !stat.zombie)
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

/// Makes orphans of what this process starts its own children, whatever session they have made
/// for themselves, so that [`end_activation`] finds them.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(pid(std::process::id())).ok();
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
fn members(traces: Traces<'_>) -> Vec<Stat> {
    let leader = traces.leader;
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats: Vec<_> = entries
        .filter_map(|entry| stat(entry.file_name().to_str()?.parse().ok()?))
        .collect();
    let replaced = stats
        .iter()
        .any(|stat| stat.pid == leader.pid && stat.start_time != leader.start_time);
    let own = std::process::id();
    let orphans = if traces.is_ours {
        descendants(&stats, own)
    } else {
        BTreeSet::new()
    };
    let together = traces.cgroup.map(in_cgroup).unwrap_or_default();
    let is_led =
        |stat: &Stat| !replaced && [stat.session, stat.group, stat.pid].contains(&leader.pid);
    stats
        .into_iter()
        .filter(|stat| is_led(stat) || orphans.contains(&stat.pid) || together.contains(&stat.pid))
        .filter(|stat| stat.start_time >= leader.start_time && !stat.zombie && stat.pid != own)
        .collect()
}

fn descendants(stats: &[Stat], ancestor: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        let children = stats.iter().filter(|stat| stat.parent == parent);
        // A list that is read while processes come and go may show a circle.
        parents.extend(
            children
                .map(|stat| stat.pid)
                .filter(|pid| found.insert(*pid)),
        );
    }
    found
}

/// Returns the control group of this process, where that is a unit which systemd made for it.
pub(super) fn own_cgroup() -> Option<String> {
    let text = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    own_unit(&text).map(str::to_owned)
}

fn own_unit(text: &str) -> Option<&str> {
    let group = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let unit = group.rsplit('/').next()?;
    let name = unit.strip_prefix("deploy-")?.strip_suffix(".service")?;
    let (run, _) = name.split_once('-').unwrap_or((name, ""));
    (run == "recover" || run.parse::<RunId>().is_ok()).then_some(group)
}

fn in_cgroup(group: &str) -> BTreeSet<u32> {
    let file = format!("/sys/fs/cgroup{group}/cgroup.procs");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
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

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(
        pid,
        &std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?,
    )
}

/// The second field is the command's name in brackets, and may hold anything.
fn parse_stat(pid: u32, text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat {
        pid,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Invocation, spawn_detached};

    fn led_by(leader: ProcessIdentity) -> Traces<'static> {
        Traces {
            leader,
            cgroup: None,
            is_ours: false,
        }
    }

    #[test]
    fn only_a_unit_of_ours_holds_nothing_else() {
        let run = RunId::from_bytes([3; 16]);
        for name in [
            &format!("deploy-{run}-0123"),
            "deploy-recover",
            "deploy-recover-early",
        ] {
            let text = format!("1:name=systemd:/x\n0::/system.slice/{name}.service\n");
            let group = format!("/system.slice/{name}.service");
            assert_eq!(own_unit(&text), Some(group.as_str()));
        }
        for other in [
            "",
            "0::/",
            "0::/user.slice/session-1.scope",
            "0::/a/deploy-ci.service",
            "1:cpu:/deploy-1.service",
        ] {
            assert_eq!(own_unit(other), None, "{other}");
        }
    }

    #[test]
    fn descendants_are_found_below_each_other() {
        let stat = |pid, parent| Stat {
            pid,
            parent,
            zombie: false,
            group: 0,
            session: 0,
            start_time: 1,
        };
        let stats = [
            stat(1, 0),
            stat(5, 1),
            stat(7, 5),
            stat(8, 7),
            stat(9, 1),
            stat(3, 3),
        ];
        assert_eq!(descendants(&stats, 5), BTreeSet::from([7, 8]));
        assert_eq!(descendants(&stats, 3), BTreeSet::from([3]));
    }

    #[test]
    fn a_command_name_may_hold_anything() {
        let text = "42 (a) S 1) R 1 42 43 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 777 1 1 1";
        assert_eq!(
            parse_stat(42, text),
            Some(Stat {
                pid: 42,
                parent: 1,
                zombie: false,
                group: 42,
                session: 43,
                start_time: 777
            })
        );
        assert_eq!(parse_stat(1, "1 (x"), None);
    }

    #[test]
    fn a_later_process_with_the_same_number_is_another() {
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
