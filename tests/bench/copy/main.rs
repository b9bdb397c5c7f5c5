//! How long closures take to get to nodes: `deploy`, bare `nix copy`, and a stream read once.
//!
//! `cargo bench --bench copy` boots real hosts, and lets all of them copy the same new paths in turn;
//! after each, nodes lose what they got. `--size MIB` and `--paths NUMBER` say how much is copied
//! (64 and 500), `--nodes`, `--rounds`, `--delay MS` (of a round trip) and `--only WORDS` the rest. The nodes
//! need `--size` each on the disk of /tmp, and twice that is needed here. Nothing is asserted about time.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and one that cannot run must end"
)]

#[path = "../../integration/testbed/mod.rs"]
mod testbed;

mod arguments;
mod case;
mod contender;
mod ground;
mod measured;
mod relay;
mod stages;
mod trace;

use arguments::Arguments;
use case::Case;
use contender::Contender;
use ground::Ground;
use measured::Measured;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, delay, folder, host, port] = words.as_slice()
        && mode == relay::MODE
    {
        return relay::run(delay, folder, (host, port));
    }
    let arguments = Arguments::read();
    let ground = Ground::boot(arguments.nodes);
    println!("{}", measured::heading(arguments.rounds));
    let mut lines = Vec::new();
    for case in case::all(&arguments) {
        let measured = measure(&ground, &case, arguments.rounds);
        println!("{}", measured.rows(&case));
        lines.push(measured.json(&case));
    }
    let stages = arguments
        .takes(stages::NAME)
        .then(|| stages::count(&ground));
    if let Some(stages) = &stages {
        println!("{}", stages.rows());
    }
    let stages = stages.map(|stages| stages.json());
    println!(
        "\n{}",
        serde_json::json!({ "rounds": arguments.rounds, "cases": lines, "round_trips": stages })
    );
}

/// Lets all contenders copy in turn.
fn measure(ground: &Ground, case: &Case, rounds: usize) -> Measured {
    let path = ground.prepare(case);
    let mut measured = Measured::default();
    for _ in 0..rounds {
        for contender in Contender::ALL {
            let took = contender.copy(ground, &path);
            ground.assert_all_have(&path);
            ground.clear();
            measured.add(contender, took);
        }
    }
    measured
}
