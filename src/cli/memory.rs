//! How much memory the operator's machine has to spare.

use std::fs;

/// Returns the memory that can be had without swapping, in MiB, none where the system does not tell.
pub(super) fn available_memory() -> Option<u64> {
    let free = fs::read_to_string("/proc/meminfo").ok()?;
    // In a container its own limit counts, if that is less.
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|bytes| bytes.trim().parse::<u64>().ok());
    let available = available(&free)?;
    Some(limit.map_or(available, |bytes| available.min(bytes >> 20)))
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes >> 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_had_counts_and_not_what_lies_idle() {
        let meminfo = "MemTotal:       24683544 kB\nMemFree:        19278112 kB\nMemAvailable:   24098560 kB\n";
        assert_eq!(available(meminfo), Some(23533));
        assert_eq!(available("MemTotal:       24683544 kB\n"), None);
    }
}
