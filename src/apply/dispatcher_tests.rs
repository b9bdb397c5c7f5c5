//! The engine on nodes that answer from a script, in a time that passes at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::context::{Activations, Limits, OnFailure, Policy, RunContext};
use super::sink::EventSink;
use super::{Agents, Exit, RunEnd, run_plan};
use crate::host::{FakeHost, HostError, Script};
use crate::model::{Generation, Operator, ProfileState, RunId};
use crate::nix::Nix;
use crate::plan::{Plan, StepId, test_plan};
use crate::protocol::{ActivationResult, FailureReason};
use crate::schedule::{Barrier, Outcome};
use crate::ssh::SshError;

fn state() -> ProfileState {
    ProfileState::Present {
        generation: Some(Generation(2)),
        path: None,
        highest_generation: None,
    }
}

fn done() -> ActivationResult {
    ActivationResult::Done { state: state() }
}

fn rolled_back() -> ActivationResult {
    ActivationResult::RolledBack {
        reason: FailureReason::Exited { status: 1 },
        state: state(),
    }
}

fn ends_with(result: ActivationResult) -> Script {
    Script {
        result: Some(result),
        waits: true,
        ..Script::default()
    }
}

/// A plan of the nodes `a` (two profiles) and `b`, which depends on `a`; each its own host.
fn plan() -> Plan {
    let mut plan = test_plan();
    for profile in &mut plan.profiles {
        profile.connection.hostname = profile.node.as_str().parse().unwrap();
    }
    for node in &mut plan.nodes {
        node.system = Some("x86_64-linux".to_owned());
    }
    plan
}

struct Walked {
    end: RunEnd,
    host: Arc<RunContext<FakeHost>>,
}

impl Walked {
    fn outcome(&self, step: &str) -> &Outcome {
        &self.end.outcomes[&step.parse::<StepId>().unwrap()]
    }

    fn calls(&self) -> Vec<String> {
        self.host.host.calls()
    }
}

async fn walk_with(
    scripts: [(&str, Script); 2],
    limits: Limits,
    interrupt: impl FnOnce(UnboundedSender<()>),
) -> Walked {
    walk_plan(plan(), scripts, (limits, OnFailure::GoOn), interrupt).await
}

async fn walk_plan(
    plan: Plan,
    scripts: [(&str, Script); 2],
    (limits, on_failure): (Limits, OnFailure),
    interrupt: impl FnOnce(UnboundedSender<()>),
) -> Walked {
    let (events, _heard) = unbounded_channel();
    let (sender, interrupts) = unbounded_channel();
    let context = Arc::new(RunContext {
        run: RunId::from_bytes([1; 16]),
        operator: Operator {
            user: "me".into(),
            host: "here".into(),
        },
        plan,
        host: FakeHost::new(scripts),
        nix: Nix::default(),
        agents: Arc::new(Agents::known(
            "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-activate"
                .parse()
                .unwrap(),
        )),
        missing: BTreeSet::new(),
        folder: std::env::temp_dir(),
        sink: EventSink::new(Instant::now(), events),
        limits,
        policy: Policy {
            barrier: Barrier::Builds,
            on_failure,
        },
        activations: Activations::Real,
        lock_timeout: 0,
    });
    interrupt(sender);
    let end = run_plan(Arc::clone(&context), BTreeMap::new(), interrupts)
        .await
        .unwrap();
    Walked { end, host: context }
}

async fn walk(a: Script, b: Script) -> Walked {
    walk_with([("a", a), ("b", b)], Limits::default(), std::mem::forget).await
}

#[tokio::test(start_paused = true)]
async fn every_activation_is_confirmed_over_a_login_of_its_own() {
    let walked = walk(ends_with(done()), ends_with(done())).await;
    assert_eq!(walked.end.exit, Exit::AtTarget);
    let confirms = walked
        .calls()
        .iter()
        .filter(|call| call.ends_with("confirm"))
        .count();
    assert_eq!(confirms, 3);
    let releases = walked
        .calls()
        .iter()
        .filter(|call| call.ends_with("release"))
        .count();
    assert_eq!(
        releases, 2,
        "what was kept on each node is let go at the end"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_cannot_be_copied_to_drops_out_alone() {
    let down = HostError::Ssh(SshError::lost("down"));
    let walked = walk(
        ends_with(done()),
        Script {
            copy_fails: Some(down),
            ..Script::default()
        },
    )
    .await;
    assert_eq!(walked.end.exit, Exit::Partial);
    assert!(matches!(
        walked.outcome("copy:b"),
        Outcome::Unreachable { .. }
    ));
    assert!(matches!(
        walked.outcome("activate:a.app"),
        Outcome::Done { .. }
    ));
    let cause = "copy:b".parse().unwrap();
    assert_eq!(
        *walked.outcome("activate:b.system"),
        Outcome::Skipped { cause }
    );
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_a_rolled_back_activation_is_not_tried() {
    let walked = walk(ends_with(rolled_back()), ends_with(done())).await;
    assert_eq!(walked.end.exit, Exit::Partial);
    let cause: StepId = "activate:a.system".parse().unwrap();
    for skipped in ["activate:a.app", "activate:b.system"] {
        assert_eq!(
            *walked.outcome(skipped),
            Outcome::Skipped {
                cause: cause.clone()
            }
        );
    }
    assert!(!walked.calls().contains(&"b: start".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_made_again_and_the_end_is_read_from_the_node() {
    let lost = Script {
        waits: true,
        attached: Some(done()),
        ..Script::default()
    };
    let walked = walk(lost, ends_with(done())).await;
    assert_eq!(walked.end.exit, Exit::AtTarget);
    assert!(walked.calls().contains(&"a: attach".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stays_silent_is_given_up_after_its_deadline() {
    let begin = tokio::time::Instant::now();
    let walked = walk(
        Script {
            waits: true,
            ..Script::default()
        },
        ends_with(done()),
    )
    .await;
    assert!(
        begin.elapsed() < Duration::from_secs(30 + 15 + 10),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(walked.end.exit, Exit::Partial);
    assert!(matches!(
        walked.outcome("activate:a.system"),
        Outcome::Unreachable { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn refusals_have_their_own_exit_codes() {
    let stale = ActivationResult::Stale { found: state() };
    let locked = ActivationResult::Locked { holder: None };
    for (result, exit) in [(stale, Exit::Stale), (locked, Exit::Locked)] {
        let walked = walk(
            Script {
                result: Some(result),
                ..Script::default()
            },
            ends_with(done()),
        )
        .await;
        assert_eq!(walked.end.exit, exit);
    }
}

#[tokio::test(start_paused = true)]
async fn limits_are_kept() {
    let limits = Limits {
        builds: Some(1),
        copies: 1,
        activations: 1,
    };
    let scripts = [("a", ends_with(done())), ("b", ends_with(done()))];
    let walked = walk_with(scripts, limits, std::mem::forget).await;
    assert_eq!(walked.end.exit, Exit::AtTarget);
    // The activation, and the confirmation that it waits for; the ends are let go together.
    assert_eq!(walked.host.host.most_at_once.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_lets_activations_end_and_starts_nothing_new() {
    let scripts = [("a", ends_with(done())), ("b", ends_with(done()))];
    let walked = walk_with(scripts, Limits::default(), |sender| {
        tokio::spawn(async move {
            // Copying and keeping take 2 s, so that the first activation runs by now.
            tokio::time::sleep(Duration::from_millis(3500)).await;
            sender.send(()).unwrap();
            tokio::time::sleep(Duration::from_secs(3600)).await;
        });
    })
    .await;
    assert_eq!(walked.end.exit, Exit::Interrupted);
    assert!(matches!(
        walked.outcome("activate:a.system"),
        Outcome::Done { .. }
    ));
    assert!(matches!(
        walked.outcome("activate:a.app"),
        Outcome::Cancelled { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn the_second_interrupt_says_what_the_node_does_by_itself() {
    let never = ActivationResult::NotStarted {
        reason: String::new(),
    };
    let hangs = Script {
        result: Some(never),
        waits: true,
        ..Script::default()
    };
    let scripts = [("a", hangs.clone()), ("b", hangs)];
    let walked = walk_with(scripts, Limits::default(), |sender| {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(3500)).await;
            sender.send(()).unwrap();
            sender.send(()).unwrap();
            tokio::time::sleep(Duration::from_secs(3600)).await;
        });
    })
    .await;
    assert_eq!(walked.end.exit, Exit::Interrupted);
    let Outcome::Cancelled { message } = walked.outcome("activate:a.system") else {
        panic!("{:?}", walked.outcome("activate:a.system"))
    };
    assert!(message.contains("goes back by itself"), "{message}");
}

/// Walks a plan whose failures take the run back.
async fn walk_as_one(plan: Plan, a: Script, b: Script) -> Walked {
    let scripts = [("a", a), ("b", b)];
    let policy = (Limits::default(), OnFailure::TakeBack);
    walk_plan(plan, scripts, policy, std::mem::forget).await
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_stops_the_run_takes_nothing_back() {
    let scripts = [("a", ends_with(rolled_back())), ("b", ends_with(done()))];
    let one_by_one = Limits {
        activations: 1,
        ..Limits::default()
    };
    let mut plan = plan();
    plan.steps.last_mut().unwrap().depends_on.pop();
    let policy = (one_by_one, OnFailure::Stop);
    let walked = walk_plan(plan, scripts, policy, std::mem::forget).await;
    assert_eq!(walked.end.exit, Exit::Partial);
    for step in ["activate:a.app", "activate:b.system"] {
        let outcome = walked.outcome(step);
        assert!(
            matches!(outcome, Outcome::Skipped { .. }),
            "{step}: {outcome:?}"
        );
    }
    let calls = walked.calls();
    assert!(
        !calls.iter().any(|call| call.ends_with("revoke")),
        "{calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_takes_back_what_was_activated_the_last_first() {
    let walked = walk_as_one(plan(), ends_with(done()), ends_with(rolled_back())).await;
    assert_eq!(walked.end.exit, Exit::Partial);
    for step in ["activate:a.app", "activate:a.system"] {
        let Outcome::RolledBack { message } = walked.outcome(step) else {
            panic!("{:?}", walked.end)
        };
        assert!(
            message.contains("b.system did not succeed"),
            "{step}: {message}"
        );
    }
    let revoked = walked.calls().into_iter();
    let revoked: Vec<String> = revoked.filter(|call| call.ends_with("revoke")).collect();
    assert_eq!(
        revoked,
        ["a: revoke", "a: revoke"],
        "what failed went back by itself"
    );
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_never_goes_back_by_itself_stays() {
    let mut plan = plan();
    plan.profiles[0].settings.auto_rollback = false;
    let walked = walk_as_one(plan, ends_with(done()), ends_with(rolled_back())).await;
    let stayed = walked.end.outcomes.values();
    let done = stayed.filter(|outcome| {
        matches!(
            outcome,
            Outcome::Done {
                generation: Some(_)
            }
        )
    });
    assert_eq!(done.count(), 1, "{:?}", walked.end);
    let calls = walked.calls();
    let revoked = calls.iter().filter(|call| call.ends_with("revoke"));
    assert_eq!(revoked.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_copy_means_that_nothing_is_activated_where_the_run_is_one() {
    let down = HostError::Ssh(SshError::lost("down"));
    let gone = Script {
        copy_fails: Some(down),
        ..Script::default()
    };
    let walked = walk_as_one(plan(), ends_with(done()), gone).await;
    assert!(!walked.calls().iter().any(|call| call.ends_with("start")));
    let cause = "copy:b".parse().unwrap();
    assert_eq!(
        *walked.outcome("activate:a.system"),
        Outcome::Skipped { cause }
    );
}
