//! How much longer `deploy` takes for a fleet than the programs that it cannot do without.
//!
//! `cargo bench --bench fleet -- --rounds 5` boots real hosts and lets `deploy` and `floor.sh` do
//! the same work in turn. `--peer PATH` adds a deploy-rs that was built by hand (its `activate`
//! beside it), `--only WORDS` takes the cases whose name has these words, `--traces FOLDER` saves where
//! the time of `deploy` goes. The memory is that of `deploy` itself in one more run. Nothing is asserted about time.

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
mod fleet;
mod measured;

use arguments::Arguments;
use case::Case;
use contender::Contender;
use fleet::Fleet;
use measured::Measured;
use testbed::Bed;

fn main() {
    let arguments = Arguments::read();
    let cases = arguments.cases();
    let hosts = cases.iter().map(|case| case.nodes).max();
    let bed = Bed::new(hosts.expect("a case with these words"));
    println!("{}", measured::heading(arguments.rounds));
    let mut lines = Vec::new();
    for case in cases {
        let measured = measure(&bed, case, &arguments);
        println!("{}", measured.row(case));
        lines.push(measured.json(case));
    }
    println!(
        "\n{}",
        serde_json::json!({ "rounds": arguments.rounds, "cases": lines })
    );
}

/// Lets all contenders do the work in turn, each on something that the others have not done.
fn measure(bed: &Bed, case: &Case, arguments: &Arguments) -> Measured {
    let contenders = Contender::all(arguments.peer.as_deref(), case);
    let mut fleet = Fleet::new(bed, case, arguments.peer.as_deref());
    // The first deployment copies what later ones find: the agent, and what never changes.
    fleet.settle(bed);
    let mut measured = Measured::default();
    for _ in 0..arguments.rounds {
        for contender in &contenders {
            fleet.change(case);
            let output = contender.run(bed, &fleet, case).success();
            fleet.assert_as_expected(bed, case);
            measured.add(contender, &output);
        }
    }
    fleet.change(case);
    measured.set_peak_memory(Contender::peak_memory(bed, &fleet, case));
    if let Some(folder) = &arguments.traces {
        fleet.change(case);
        Contender::trace(bed, &fleet, case, folder);
    }
    measured
}
