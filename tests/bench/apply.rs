//! How much longer `deploy apply` takes than the programs that it cannot do without.
//!
//! `cargo bench --bench apply -- --hosts 8 --rounds 5` boots real hosts, changes a profile of
//! every one of them in each round, and lets `deploy apply` and `floor.sh` bring such a change
//! to the hosts in turn. Nothing is asserted about time.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and one that cannot run must end"
)]

#[path = "../integration/testbed/mod.rs"]
mod testbed;

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use testbed::{Bed, Command, Flake, FlakeFolder, Node, Output, Profile};

const PROFILE: &str = "/nix/var/nix/profiles/per-user/root/app";
/// The paths of a closure, the profile's own among them.
const PATHS: usize = 100;
/// The packages that are other ones in each round, and so are built and copied in each.
const CHANGED_PACKAGES: usize = 10;
const PRIMITIVES: [&str; 7] = [
    "evaluate",
    "build",
    "login",
    "read",
    "copy",
    "activate",
    "fresh login",
];

fn main() {
    let (hosts, rounds) = (argument("--hosts", 8), argument("--rounds", 5));
    let bed = Bed::new(hosts);
    let folder = bed.operator().flake("/root/fleet", &fleet(&bed, 0));
    println!(
        "{hosts} hosts, closures of {PATHS} paths of which {} change, the median of {rounds} rounds\n",
        CHANGED_PACKAGES + 1
    );
    // The first deployment copies what later ones find: the agent, and what never changes.
    drop(deploy(&bed, &folder).run().success());
    let mut measured = Measured::default();
    for round in 0..rounds {
        folder.rewrite(&fleet(&bed, 2 * round + 1));
        measured
            .tool
            .push(deploy(&bed, &folder).run().success().elapsed);
        assert_all_changed(&bed, 2 * round + 1);
        folder.rewrite(&fleet(&bed, 2 * round + 2));
        measured.add_floor(&floor(&bed, &folder).run().success());
        assert_all_changed(&bed, 2 * round + 2);
    }
    measured.report(hosts, rounds);
}

/// Returns the number after a word of the command line; cargo adds words of its own.
fn argument(name: &str, default: usize) -> usize {
    let mut words = env::args().skip_while(|word| word != name).skip(1);
    let number = words.next().map(|word| word.parse());
    number.map_or(default, |number| number.expect("a number"))
}

fn fleet(bed: &Bed, version: usize) -> Flake {
    let node = |(index, host)| {
        let app = Profile::new("app", &format!("{version}.{index}"));
        let package = |profile: Profile, number: usize| {
            let changes = number < CHANGED_PACKAGES;
            let version = if changes { version } else { 0 };
            profile.package(&format!("package{number}"), &format!("1.{version}"))
        };
        Node::at(host).profile((0..PATHS - 1).fold(app, package))
    };
    let fleet = Flake::new().setting("sshUser = \"root\"; user = \"root\";");
    bed.hosts()
        .iter()
        .enumerate()
        .map(node)
        .fold(fleet, Flake::node)
}

fn deploy(bed: &Bed, folder: &FlakeFolder<'_>) -> Command {
    let command = bed.operator().command(["deploy", "apply", "--yes"]);
    command.directory(folder.path())
}

fn floor(bed: &Bed, folder: &FlakeFolder<'_>) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/floor.sh");
    bed.operator()
        .command([script, folder.path(), PROFILE])
        .directory(folder.path())
}

/// What was not deployed must not count as fast.
fn assert_all_changed(bed: &Bed, version: usize) {
    for (index, host) in bed.hosts().iter().enumerate() {
        let expected = format!("{version}.{index}");
        assert_eq!(host.activations("app").last(), Some(&expected));
    }
}

/// What the rounds took.
#[derive(Default)]
struct Measured {
    tool: Vec<Duration>,
    floor: Vec<Duration>,
    primitives: BTreeMap<String, Vec<Duration>>,
}

impl Measured {
    fn add_floor(&mut self, output: &Output) {
        self.floor.push(output.elapsed);
        for line in output.stdout.lines() {
            let (name, time) = line.rsplit_once(' ').expect("a name and a time");
            let time = Duration::from_micros(time.parse().expect("microseconds"));
            self.primitives
                .entry(name.to_owned())
                .or_default()
                .push(time);
        }
    }

    fn report(&self, hosts: usize, rounds: usize) {
        for name in PRIMITIVES {
            let times = self.primitives.get(name).expect("the floor has it");
            let calls = times.len() / rounds;
            println!("{name:<14} {:>7.3} s   x {calls}", median(times));
        }
        let (tool, floor) = (median(&self.tool), median(&self.floor));
        let ratio = tool / floor;
        println!("\nfloor          {floor:>7.3} s");
        println!("deploy apply   {tool:>7.3} s");
        println!("ratio          {ratio:>7.2}\n");
        let line = serde_json::json!({
            "hosts": hosts,
            "rounds": rounds,
            "paths": PATHS,
            "primitives_s": PRIMITIVES.map(|name| (name, median(&self.primitives[name])))
                .into_iter().collect::<BTreeMap<_, _>>(),
            "floor_s": floor,
            "apply_s": tool,
            "ratio": ratio,
        });
        println!("{line}");
    }
}

/// Returns the median in seconds.
fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_owned();
    times.sort_unstable();
    let middle = times.len() / 2;
    times.get(middle).expect("at least one round").as_secs_f64()
}
