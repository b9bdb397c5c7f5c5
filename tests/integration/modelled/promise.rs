//! The promise, checked in every state that a random sequence of faults reaches.

use deploy::protocol::{Order, Phase};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::actor;
use super::sequence::{Death, Job, Life, POINTS, Sequence, sequences};
use super::world::{Closure, World};

/// The number of a life that no sequence has.
const LATER: usize = 99;

pub(super) const RECOVER: Life = Life {
    job: Job::Recover,
    death: None,
};

/// Whatever was left: power gone or not, the next agent finds it and the promise holds.
fn is_recoverable(world: &World) {
    let mut now = world.clone();
    recovers(&mut now);
    for arrived in 0..=world.unsynced() {
        let mut now = world.clone();
        now.lose_power(arrived);
        recovers(&mut now);
        // And what is told as done outlasts a power cut right after it.
        now.lose_power(0);
        holds(&now);
    }
}

fn recovers(world: &mut World) {
    assert!(!actor::live(world, LATER, &RECOVER));
    holds(world);
    let works = Job::Start {
        target: Closure::Three,
        auto_rollback: true,
        magic_rollback: true,
        reactivate: false,
        confirmed: true,
    };
    let mut next = world.clone();
    actor::live(
        &mut next,
        LATER,
        &Life {
            job: works,
            death: None,
        },
    );
    holds(&next);
    assert_eq!(
        next.current(),
        Some(Closure::Three),
        "the next deployment works"
    );
}

/// The state is the confirmed new one or exactly the old one, but for the exceptions.
fn holds(world: &World) {
    let Some(journal) = &world.journal else {
        assert_eq!(world.files, world.before.files);
        return;
    };
    assert!(!journal.phase.is_pending(), "{world:#?}");
    match journal.phase {
        Phase::Confirmed => is_new(world),
        Phase::RolledBack => {
            is_old(world);
            runs_old(world);
        }
        Phase::RollbackFailed => {
            is_old(world);
            let before = &world.before;
            let broken = [
                previous(world),
                before
                    .files
                    .active
                    .filter(|_| world.order != Order::SetFirst),
            ];
            let is_broken = |closure| matches!(closure, Some(Closure::Bad | Closure::Unbootable));
            assert!(broken.into_iter().any(is_broken), "{world:#?}");
        }
        Phase::LeftFailed => {
            let policy = world.before.policy.unwrap();
            assert!(!policy.auto_rollback, "{world:#?}");
        }
        phase => panic!("{phase}: {world:#?}"),
    }
}

fn previous(world: &World) -> Option<Closure> {
    let path = world.journal.as_ref()?.previous.state.path()?;
    Closure::at(path.as_str())
}

fn is_new(world: &World) {
    let journal = world.journal.as_ref().unwrap();
    let target = Closure::at(journal.target.as_str());
    assert_eq!(world.current(), target, "{world:#?}");
    if world.order != Order::NextBoot {
        assert_eq!(world.files.active, target, "{world:#?}");
    }
    let mut expected = world.before.files.generations.clone();
    if let (true, Some(number)) = (journal.sets_profile, journal.generation) {
        expected.insert(number, journal.target.to_string());
    }
    assert_eq!(world.files.generations, expected, "{world:#?}");
    if world.order != Order::SetFirst {
        assert_eq!(world.boots, target, "{world:#?}");
    }
}

fn is_old(world: &World) {
    let before = &world.before.files;
    assert_eq!(world.files.link, before.link, "{world:#?}");
    assert_eq!(world.files.generations, before.generations, "{world:#?}");
}

fn runs_old(world: &World) {
    let before = &world.before;
    let active = world.files.active;
    // A reset boots what it finds, which is checked by itself below.
    let booted = before.was_reset && active == world.boots;
    // Without an earlier generation, or system, there is nothing to activate again.
    let nothing_before = previous(world).is_none()
        && (world.order == Order::SetFirst || before.files.active.is_none());
    // Where no system ran, the one that the profile led to does.
    let by_link = world.order == Order::SetFirst || before.files.active.is_none();
    let reactivated = by_link && active == previous(world);
    assert!(
        active == before.files.active || booted || nothing_before || reactivated,
        "{world:#?}"
    );
    if before.boots.is_some() && previous(world).is_some() {
        assert_eq!(world.boots, before.boots, "{world:#?}");
    }
}

fn keeps_its_promise(sequence: &Sequence) {
    let world = sequence.run(is_recoverable);
    is_recoverable(&world);
}

fn saved_cases() -> ProptestConfig {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/state-machine.txt");
    ProptestConfig {
        cases: 2000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(saved_cases())]

    #[test]
    fn every_reachable_state_of_a_profile_keeps_the_promise(
        sequence in sequences(Order::SetFirst, 5),
    ) {
        keeps_its_promise(&sequence);
    }

    #[test]
    fn every_reachable_state_of_a_nixos_system_keeps_the_promise(
        sequence in sequences(Order::ConfirmFirst, 5),
    ) {
        keeps_its_promise(&sequence);
    }

    #[test]
    fn every_reachable_state_of_a_system_for_the_next_boot_keeps_the_promise(
        sequence in sequences(Order::NextBoot, 5),
    ) {
        keeps_its_promise(&sequence);
    }
}

/// Not left to chance: one fault at each point of each way, with and without an earlier generation.
#[test]
fn one_fault_at_every_point() {
    let mut deaths = 0;
    let orders = [Order::SetFirst, Order::ConfirmFirst, Order::NextBoot];
    let cases = (0..1_u32 << 5).flat_map(|bits| orders.map(|order| (bits, order)));
    for (bits, order) in cases {
        let is = |bit: u32| bits >> bit & 1 == 1;
        for target in Closure::ALL {
            for point in POINTS {
                let start = |target, confirmed| Job::Start {
                    target,
                    auto_rollback: is(0),
                    magic_rollback: is(1),
                    reactivate: false,
                    confirmed,
                };
                let death = Death {
                    point,
                    child_finishes: is(2),
                    reset: None,
                };
                let mut lives = vec![Life {
                    job: start(target, is(3)),
                    death: Some(death),
                }];
                if is(4) {
                    let job = start(Closure::One, true);
                    lives.insert(0, Life { job, death: None });
                }
                let sequence = Sequence {
                    order,
                    direct: false,
                    lives,
                };
                keeps_its_promise(&sequence);
                let mut world = sequence.world();
                let last = sequence.lives.len() - 1;
                for (index, life) in sequence.lives.iter().enumerate() {
                    deaths += usize::from(actor::live(&mut world, index, life) && index == last);
                }
            }
        }
    }
    assert!(deaths > 2000, "only {deaths} agents died");
}
