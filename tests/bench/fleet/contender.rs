//! Who does the work.

use std::path::Path;

use super::case::{Case, Goal};
use super::fleet::Fleet;
use super::testbed::{Bed, Output};

const PROFILE: &str = "/nix/var/nix/profiles/per-user/root/app";

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contender {
    /// `deploy`.
    Tool,
    /// Only the programs that cannot be done without.
    Floor,
    /// A deploy-rs, by its path.
    Peer(String),
}

impl Contender {
    /// Returns all who can do a case; deploy-rs has no plans.
    pub(crate) fn all(peer: Option<&str>, case: &Case) -> Vec<Self> {
        let peer = peer.filter(|_| case.goal.changes_nodes());
        let peer = peer.map(|path| Self::Peer(path.to_owned()));
        [Self::Tool, Self::Floor].into_iter().chain(peer).collect()
    }

    pub(crate) fn run(&self, bed: &Bed, fleet: &Fleet<'_>, case: &Case) -> Output {
        const FLOOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/fleet/floor.sh");
        let folder = fleet.folder.path();
        let words: Vec<&str> = match (self, case.goal) {
            (Self::Tool, goal) => deploy(goal).to_vec(),
            (Self::Floor, Goal::Apply) => vec![FLOOR, folder, PROFILE, "apply"],
            (Self::Floor, Goal::Plan) => vec![FLOOR, folder, PROFILE, "plan"],
            (Self::Floor, Goal::PlanOverNix) => vec![FLOOR, folder, PROFILE, "nix"],
            (Self::Peer(path), _) => vec![path, "--skip-checks", "."],
        };
        let command = bed.operator().command(words).directory(folder);
        // Where a feature is off, deploy-rs takes the version of Nix for an old one.
        let features = "extra-experimental-features = nix-command flakes";
        command.env("NIX_CONFIG", features).run()
    }

    /// Returns the most memory that `deploy` takes at once, without the programs that it starts, in KiB.
    pub(crate) fn peak_memory(bed: &Bed, fleet: &Fleet<'_>, case: &Case) -> u64 {
        const PEAK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/fleet/peak.sh");
        let command = bed.operator().command([PEAK]).args(deploy(case.goal));
        let output = command.directory(fleet.folder.path()).run().success();
        let last = output.stdout.lines().last();
        last.and_then(|line| line.parse().ok())
            .expect("a number of KiB")
    }

    /// Saves where the time of `deploy` goes, outside of the bed.
    pub(crate) fn trace(bed: &Bed, fleet: &Fleet<'_>, case: &Case, folder: &Path) {
        let command = bed.operator().command(deploy(case.goal));
        let command = command.args(["--trace", "/root/trace.json"]);
        drop(command.directory(fleet.folder.path()).run().success());
        let file = folder.join(format!("{}.json", case.name));
        let text = bed.operator().read("/root/trace.json");
        std::fs::write(file, text).expect("saving a trace");
    }
}

fn deploy(goal: Goal) -> &'static [&'static str] {
    match goal {
        Goal::Apply => &["deploy", "apply", "--yes"],
        Goal::Plan | Goal::PlanOverNix => &["deploy", "plan"],
    }
}
