//! How much memory programs take together, while they run.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(10);
const PAGE: u64 = 4096;
/// What starts a program in a bed has its words on its command line, too.
const PROGRAMS: [&str; 3] = ["nix", "nix-instantiate", "deploy"];

/// Does something, and returns the most memory in MiB that all programs whose command lines have
/// `word` in them took at one time meanwhile.
pub(crate) fn peak_during<T>(word: &str, work: impl FnOnce() -> T) -> (T, u64) {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = peak.max(resident(word));
                thread::sleep(LOOK_EVERY);
            }
            peak
        });
        let done = work();
        ended.store(true, Ordering::Relaxed);
        let pages = looking.join().expect("looking at memory");
        (done, (pages * PAGE) >> 20)
    })
}

/// Returns the pages that these programs have in memory now.
fn resident(word: &str) -> u64 {
    let processes = fs::read_dir("/proc").expect("a list of processes");
    let processes = processes.flatten().map(|process| process.path());
    // Any of them may be gone by now.
    processes
        .filter(|process| is_meant(process, word).unwrap_or_default())
        .filter_map(|process| pages(&process))
        .sum()
}

fn is_meant(process: &Path, word: &str) -> Option<bool> {
    let line = fs::read(process.join("cmdline")).ok()?;
    let name = fs::read_to_string(process.join("comm")).ok()?;
    let line = String::from_utf8_lossy(&line);
    Some(PROGRAMS.contains(&name.trim_end()) && line.contains(word))
}

fn pages(process: &Path) -> Option<u64> {
    let sizes = fs::read_to_string(process.join("statm")).ok()?;
    sizes.split(' ').nth(1)?.parse().ok()
}
