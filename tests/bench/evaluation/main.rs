//! What several evaluators bring: time and memory of `deploy check --paths`, which evaluates and does
//! nothing else, against one `nix eval` of the same.
//!
//! `cargo bench --bench evaluation -- --rounds 5` evaluates fleets of heavy and of light nodes (see
//! fleet.nix). `--nodes N` sets how many heavy ones there are. Nothing is asserted about time.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints, and one that cannot run must end"
)]

#[path = "../../integration/testbed/mod.rs"]
mod testbed;

mod memory;

use std::env;
use std::process;

use serde_json::{Value, json};
use testbed::{Bed, Command, Flake};

const FLEET: &str = include_str!("fleet.nix");
const DERIVATIONS: &str =
    "deploy: builtins.mapAttrs (_: node: node.profiles.app.path.drvPath) deploy.nodes";

/// Fleets of light nodes tell what another evaluator costs where it brings nothing.
struct Case {
    name: &'static str,
    nodes: usize,
    is_heavy: bool,
}

/// Who evaluates.
#[derive(Clone, Copy)]
enum Contender {
    /// Nix itself, once.
    Bare,
    /// `deploy` with so many evaluators, or as many as it likes.
    Deploy(Option<usize>),
}

const CONTENDERS: [Contender; 6] = [
    Contender::Bare,
    Contender::Deploy(Some(1)),
    Contender::Deploy(Some(2)),
    Contender::Deploy(Some(3)),
    Contender::Deploy(Some(4)),
    Contender::Deploy(None),
];

/// Seconds and MiB of one round.
struct Round {
    time: f64,
    memory: f64,
}

fn main() {
    let rounds = number("--rounds").unwrap_or(3);
    let cases = [
        Case {
            name: "heavy nodes",
            nodes: number("--nodes").unwrap_or(16),
            is_heavy: true,
        },
        Case {
            name: "light nodes",
            nodes: 64,
            is_heavy: false,
        },
    ];
    let bed = Bed::builder().boot();
    println!(
        "the median of {rounds} rounds, and in brackets its ratio to one `nix eval`\n\n{:<34}{:>18}{:>20}",
        "", "seconds", "peak MiB"
    );
    let mut results = Vec::new();
    for case in &cases {
        println!("{} {}", case.nodes, case.name);
        let reference = write_flake(&bed, case);
        let evaluators = measure(&bed, &reference, rounds);
        results.push(json!({ "case": case.name, "nodes": case.nodes, "evaluators": evaluators }));
    }
    println!("\n{}", json!({ "rounds": rounds, "cases": results }));
}

fn number(name: &str) -> Option<usize> {
    let given = env::args().skip_while(|word| word != name).nth(1);
    given.map(|number| number.parse().expect("a number"))
}

/// Writes the flake of a case into a folder whose name no other process has on its command line.
fn write_flake(bed: &Bed, case: &Case) -> String {
    let fleet = format!(
        "{{ outputs = {{ self }}: {{ deploy = ({FLEET}) {{ nodes = {}; isHeavy = {}; system = \"{}\"; }}; }}; }}",
        case.nodes,
        case.is_heavy,
        testbed::system(),
    );
    let folder = format!("/root/{}-{}", process::id(), case.is_heavy);
    drop(bed.operator().flake(&folder, &Flake::raw(&fleet)));
    format!("path:{folder}")
}

/// Lets all contenders evaluate the same in turn.
fn measure(bed: &Bed, reference: &str, rounds: usize) -> Vec<Value> {
    let mut measured = CONTENDERS.map(|_| Vec::new());
    for _ in 0..rounds {
        for (contender, rounds) in CONTENDERS.iter().zip(&mut measured) {
            let command = contender.command(bed, reference);
            let (output, peak) = memory::peak_during(reference, || command.run());
            let time = output.success().elapsed.as_secs_f64();
            let memory = f64::from(u32::try_from(peak).expect("a size in MiB"));
            rounds.push(Round { time, memory });
        }
    }
    let middle = |rounds: &[Round]| Round {
        time: median(rounds, |round| round.time),
        memory: median(rounds, |round| round.memory),
    };
    let bare = middle(&measured[0]);
    let rows = CONTENDERS.iter().zip(&measured);
    let rows = rows.map(|(contender, rounds)| row(*contender, &middle(rounds), &bare));
    rows.collect()
}

impl Contender {
    fn command(self, bed: &Bed, reference: &str) -> Command {
        let operator = bed.operator();
        match self {
            Self::Bare => operator
                .command(["nix", "--extra-experimental-features", "nix-command flakes"])
                .args(["eval", "--json", &format!("{reference}#deploy")])
                .args(["--apply", DERIVATIONS]),
            Self::Deploy(evaluators) => {
                let jobs = evaluators.map(|number| format!("--eval-jobs={number}"));
                let command = operator.command(["deploy", "check", "--paths", reference]);
                command.args(jobs)
            }
        }
    }

    fn name(self) -> String {
        match self {
            Self::Bare => "nix eval".to_owned(),
            Self::Deploy(None) => "deploy check --paths".to_owned(),
            Self::Deploy(Some(number)) => format!("deploy … --eval-jobs {number}"),
        }
    }
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    *values.get(values.len() / 2).expect("at least one round")
}

/// Prints what a contender took, and returns it for programs.
fn row(contender: Contender, took: &Round, bare: &Round) -> Value {
    let (time, memory) = (took.time / bare.time, took.memory / bare.memory);
    println!(
        "    {:<30}{:>10.2} ({time:>4.2}){:>12.0} ({memory:>4.2})",
        contender.name(),
        took.time,
        took.memory,
    );
    json!({
        "evaluators": contender.name(),
        "seconds": took.time,
        "to_bare": time,
        "peak_mib": took.memory,
        "memory_to_bare": memory,
    })
}
