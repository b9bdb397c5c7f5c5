//! What `deploy` itself costs with thousands of nodes, beside everything that it waits for.
//!
//! `cargo bench --bench engine` makes a plan for 10,000 nodes with three profiles each, writes, reads and renders it, and
//! walks it over simulated hosts: each takes a time of its own for every call, some fail, and some connections are lost.
//! That time passes at once, so that what is left is the time of the engine. Nothing is asserted about time.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

mod fleet;
mod hosts;
mod screen;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deploy::apply::{
    Activations, Agents, EventSink, Limits, OnFailure, Policy, RunContext, TimedEvent, run_plan,
};
use deploy::model::{Connection, Operator, RunId};
use deploy::nix::Nix;
use deploy::plan::{Plan, build_plan, parse_plan, render_plan};
use deploy::report::{PlanText, Reporter, markdown};
use deploy::schedule::{Barrier, Outcome};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use hosts::SimulatedHosts;
use screen::Screen;

const NODES: usize = 10_000;

fn main() {
    println!("{NODES} nodes with {} profiles each", fleet::PROFILES.len());
    let input = timed("read the settings and targets", fleet::input);
    let plan = timed("make the plan", || build_plan(&input).unwrap());
    drop(input);
    let text = timed("write the plan file", || render_plan(&plan));
    let plan = timed("read the plan file", || {
        parse_plan(text.as_bytes()).unwrap()
    });
    let rendered = timed("render the plan", || {
        PlanText::new(&plan, 100, false).render()
    });
    let commented = timed("render it as Markdown", || markdown(&plan, None));
    println!(
        "plan file {} MB, {} lines for people, {} characters of Markdown",
        text.len() >> 20,
        rendered.lines().count(),
        commented.chars().count(),
    );
    drop((text, rendered, commented));
    walk(plan);
    println!("peak memory: {} MB", peak_memory() >> 10);
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    show(what, begun.elapsed());
    done
}

/// Walks the plan in a time that passes at once.
fn walk(plan: Plan) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (sender, events) = unbounded_channel();
    let steps = plan.steps.len();
    let connections = plan.profiles.iter().step_by(fleet::PROFILES.len());
    let connections: Vec<_> = connections
        .map(|profile| profile.connection.clone())
        .collect();
    let context = Arc::new(context(
        plan,
        EventSink::new(Instant::now(), sender),
        folder.path(),
    ));
    let (_interrupt, interrupts) = unbounded_channel();
    let (begun, worked) = (Instant::now(), processor_time());
    let run = run_plan(Arc::clone(&context), BTreeMap::new(), interrupts);
    let screen = std::thread::spawn(move || watch(events));
    let end = runtime.block_on(run).unwrap();
    let (took, worked) = (begun.elapsed(), processor_time().saturating_sub(worked));
    drop(context);
    let watched = screen.join().unwrap();
    let mut outcomes = BTreeMap::<&str, usize>::new();
    for outcome in end.outcomes.values() {
        *outcomes.entry(kind(outcome)).or_default() += 1;
    }
    let calls = hosts::calls();
    show("walk the plan", took);
    show("  its processor time", worked);
    let alone = processor_time();
    runtime.block_on(calls_alone(connections));
    show(
        "  of calls to hosts by themselves",
        processor_time().saturating_sub(alone),
    );
    show("  longest pause on the screen", watched.longest_pause);
    println!(
        "{steps} steps, {calls} calls, {} events: {outcomes:?}",
        watched.events,
    );
}

/// Lets every host be called as often, all at once.
async fn calls_alone(connections: Vec<Connection>) {
    let calls = connections
        .into_iter()
        .map(|connection| SimulatedHosts::calls_alone(connection, &fleet::PROFILES));
    calls.collect::<JoinSet<()>>().join_all().await;
}

/// Returns how long this thread has worked.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|time| time.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

fn show(what: &str, time: Duration) {
    println!("{what:<34} {:>7.0} ms", time.as_secs_f64() * 1000.0);
}

fn context(plan: Plan, sink: EventSink, folder: &std::path::Path) -> RunContext<SimulatedHosts> {
    let agent = env!("CARGO_BIN_EXE_activate").to_owned();
    RunContext {
        run: RunId::from_bytes([1; 16]),
        operator: Operator {
            user: "bench".to_owned(),
            host: "here".to_owned(),
        },
        plan,
        host: SimulatedHosts,
        nix: Nix::default(),
        agents: Arc::new(Agents::new(vec![agent], None)),
        missing: BTreeSet::new(),
        folder: folder.to_owned(),
        sink,
        limits: Limits::default(),
        policy: Policy {
            barrier: Barrier::Builds,
            on_failure: OnFailure::GoOn,
        },
        activations: Activations::Real,
        lock_timeout: 0,
    }
}

fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        outcome if outcome.succeeded() => "done",
        Outcome::RolledBack { .. } => "rolled back",
        Outcome::Skipped { .. } => "skipped",
        _ => "failed",
    }
}

struct Watched {
    events: usize,
    longest_pause: Duration,
}

/// Shows the events as they come, as a terminal would.
fn watch(mut events: UnboundedReceiver<TimedEvent>) -> Watched {
    let (screen, mut live) = Screen::with_view();
    let mut count = 0;
    while let Some(event) = events.blocking_recv() {
        live.report(&event);
        count += 1;
    }
    let longest_pause = screen.longest_pause();
    live.finish();
    Watched {
        events: count,
        longest_pause,
    }
}

/// Returns the most memory that was used at once, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_default()
}
