//! Random lives of agents on one profile, each with a fault or without.

use deploy::protocol::Order;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::actor;
use super::world::{Closure, World};

/// Every point at which a supervisor can be made to die; what is before the lock is left out, since
/// nothing can have happened there.
pub(super) const POINTS: [&str; 31] = [
    "locked",
    "ended",
    "recovered",
    "journal",
    "prepared",
    "before-setting",
    "setting",
    "started",
    "set",
    "before-activating",
    "activating",
    "activated",
    "before-waiting",
    "waiting",
    "confirmation-seen",
    "before-committing",
    "committing",
    "committed-set",
    "committed-boot",
    "before-confirmed",
    "confirmed",
    "before-rolling-back",
    "rolling-back",
    "restored",
    "deleted",
    "reactivated",
    "before-rolled-back",
    "rolled-back",
    "before-left-failed",
    "before-rollback-failed",
    "result",
];

/// What an agent is called for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Job {
    Start {
        target: Closure,
        auto_rollback: bool,
        magic_rollback: bool,
        reactivate: bool,
        /// Whether a confirmation arrives before the deadline.
        confirmed: bool,
    },
    /// Of the last run that was started.
    Revoke,
    Recover,
}

/// Where an agent dies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Death {
    pub(super) point: &'static str,
    /// Whether the child that was just started then gets done.
    pub(super) child_finishes: bool,
    /// The node is reset too; of what was not synced this much arrives.
    pub(super) reset: Option<Index>,
}

/// One agent's life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) job: Job,
    pub(super) death: Option<Death>,
}

/// All that happens to a profile.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    pub(super) order: Order,
    /// The profile link leads straight to a closure that nobody activated as a generation.
    pub(super) direct: bool,
    pub(super) lives: Vec<Life>,
}

impl Sequence {
    pub(super) fn world(&self) -> World {
        World::new(self.order, self.direct.then_some(Closure::One))
    }

    /// Lets everything happen, and calls `look` after each life.
    pub(super) fn run(&self, mut look: impl FnMut(&World)) -> World {
        let mut world = self.world();
        for (index, life) in self.lives.iter().enumerate() {
            let died = actor::live(&mut world, index, life);
            look(&world);
            if let (
                true,
                Some(Death {
                    reset: Some(arrived),
                    ..
                }),
            ) = (died, life.death)
            {
                world.lose_power(arrived.index(world.unsynced() + 1));
                look(&world);
            }
        }
        world
    }
}

fn death(order: Order) -> impl Strategy<Value = Death> {
    let is_of_order = move |point: &&'static str| match order {
        Order::SetFirst | Order::NextBoot => !point.contains("commit"),
        Order::ConfirmFirst => !["setting", "before-setting", "set"].contains(point),
    };
    let points: Vec<_> = POINTS.into_iter().filter(is_of_order).collect();
    let reset = prop::option::of(any::<Index>());
    (select(points), any::<bool>(), reset).prop_map(|(point, child_finishes, reset)| Death {
        point,
        child_finishes,
        reset,
    })
}

fn job(order: Order) -> impl Strategy<Value = Job> {
    let closures = match order {
        Order::SetFirst => &Closure::ALL[..4],
        Order::ConfirmFirst | Order::NextBoot => &Closure::ALL[..],
    };
    let often = prop::bool::weighted(0.8);
    let start = (
        select(closures),
        often,
        often,
        prop::bool::weighted(0.2),
        often,
    )
        .prop_map(
            |(target, auto_rollback, magic_rollback, reactivate, confirmed)| Job::Start {
                target,
                auto_rollback,
                magic_rollback,
                reactivate,
                confirmed,
            },
        );
    prop_oneof![5 => start, 1 => Just(Job::Revoke), 2 => Just(Job::Recover)]
}

fn life(order: Order) -> impl Strategy<Value = Life> {
    let death = prop::option::weighted(0.7, death(order));
    (job(order), death).prop_map(|(job, death)| Life { job, death })
}

/// Sequences of at most so many lives, of which the first may be a deployment that goes well.
pub(super) fn sequences(order: Order, most: usize) -> impl Strategy<Value = Sequence> {
    let lives = prop::collection::vec(life(order), 1..=most);
    let begins = select(vec![
        None,
        Some(Closure::One),
        Some(Closure::One),
        Some(Closure::Bad),
    ]);
    (begins, lives, prop::bool::weighted(0.15)).prop_map(move |(begins, mut lives, direct)| {
        if let Some(target) = begins {
            let job = Job::Start {
                target,
                auto_rollback: false,
                magic_rollback: true,
                reactivate: false,
                confirmed: true,
            };
            lives.insert(0, Life { job, death: None });
        }
        let direct = direct && order == Order::SetFirst;
        Sequence {
            order,
            direct,
            lives,
        }
    })
}
