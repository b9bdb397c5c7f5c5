//! What `/proc` says of processes and their control groups.

use std::collections::BTreeSet;
use std::fs;

use crate::agent::system::Process;
use crate::model::RunId;

/// Returns the process with this number.
pub(in crate::agent) fn process(pid: u32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(pid, &text)
}

/// Returns all processes.
pub(in crate::agent) fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// The second field is the command's name in brackets, and may hold anything.
fn parse_stat(pid: u32, text: &str) -> Option<Process> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Process {
        pid,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

/// Returns the control group of this process, where that is a unit which systemd made for it.
pub(in crate::agent) fn own_cgroup() -> Option<String> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    own_unit(&text).map(str::to_owned)
}

fn own_unit(text: &str) -> Option<&str> {
    let group = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let unit = group.rsplit('/').next()?;
    let name = unit.strip_prefix("deploy-")?.strip_suffix(".service")?;
    let (run, _) = name.split_once('-').unwrap_or((name, ""));
    (run == "recover" || run.parse::<RunId>().is_ok()).then_some(group)
}

/// Returns the processes of a control group.
pub(in crate::agent) fn in_cgroup(group: &str) -> BTreeSet<u32> {
    let file = format!("/sys/fs/cgroup{group}/cgroup.procs");
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_command_name_may_hold_anything() {
        let text = "42 (a) S 1) R 1 42 43 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 777 1 1 1";
        assert_eq!(
            parse_stat(42, text),
            Some(Process {
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
}
