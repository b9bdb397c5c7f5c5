//! The same sequences with the real agent and the real `nix-env`, which must end as the model says.
//!
//! A reset is replayed on systems as what a boot does; what a power cut takes from the disk is
//! modelled only (the suite of faults cuts real disks).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use deploy::model::{ProfileState, RunId, StorePath};
use deploy::protocol::{ActivationRequest, AgentCommand, Order};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::actor;
use super::promise::RECOVER;
use super::sequence::{Death, Job, Life, Sequence, sequences};
use super::world::{Closure, World};
use crate::agent_local::bed::{Bed, Call, new_run};

/// How many sequences of each order are replayed.
const SEQUENCES: usize = 30;
/// Names the seed of a failed test, to have the same sequences again.
const SEED: &str = "DEPLOY_TEST_SEED";
/// The point at which a child was just let loose.
const STARTED: &str = "started";
/// The number of the life that recovers what the others have left.
const RECOVERED: usize = 98;

/// What can be told from outside, of model and machine alike.
#[derive(Debug, PartialEq, Eq)]
struct End {
    link: Option<String>,
    generations: Vec<(String, String)>,
    active: Option<String>,
    boots: Option<String>,
}

struct Stage {
    bed: Bed,
    order: Order,
    paths: BTreeMap<Closure, StorePath>,
    last: RunId,
}

impl Stage {
    fn new(sequence: &Sequence) -> Self {
        let order = sequence.order;
        let bed = match order {
            Order::SetFirst => Bed::new(),
            Order::ConfirmFirst | Order::NextBoot => Bed::of_systems(),
        };
        let build = |closure: Closure| match (order, closure) {
            (Order::SetFirst, Closure::Bad) => bed.closure("bad", "exit 7"),
            (Order::SetFirst, _) => bed.closure(closure.name(), ""),
            (_, Closure::Bad) => bed.system("bad", "[ $1 != test ] || exit 7"),
            (_, Closure::Unbootable) => bed.system("unbootable", "[ $1 != boot ] || exit 7"),
            (_, _) => bed.system(closure.name(), ""),
        };
        let paths: BTreeMap<_, _> = Closure::ALL.map(|closure| (closure, build(closure))).into();
        if sequence.direct {
            bed.link_by_hand(paths[&Closure::One].as_str());
            fs::write(bed.path("active"), "one").unwrap();
        }
        Self {
            bed,
            order,
            paths,
            last: new_run(),
        }
    }

    fn live(&mut self, life: &Life) {
        let fault = life.death.map(|death| format!("{}=kill", death.point));
        let profile_path = self.bed.profile.clone();
        let command = match life.job {
            Job::Start { .. } => AgentCommand::Start(Box::new(self.request(life.job))),
            Job::Revoke => AgentCommand::Revoke {
                run: self.last.clone(),
                profile_path,
            },
            Job::Recover => AgentCommand::Recover {
                run: new_run(),
                profile_path,
            },
        };
        let mut agent = self.bed.agent(&command);
        agent.env("DEPLOY_AGENT_FAULT", fault.unwrap_or_default());
        let mut call = Call::begin(&mut agent);
        let confirmed = matches!(
            life.job,
            Job::Start {
                confirmed: true,
                ..
            }
        );
        if confirmed && call.wait_for_waiting() {
            let confirm = AgentCommand::Confirm {
                run: self.last.clone(),
                profile_path: self.bed.profile.clone(),
            };
            // Without an answer where the supervisor dies of it.
            self.bed.agent(&confirm).output().unwrap();
        }
        call.result();
    }

    fn request(&mut self, job: Job) -> ActivationRequest {
        let Job::Start {
            target,
            auto_rollback,
            magic_rollback,
            reactivate,
            confirmed,
        } = job
        else {
            panic!("no start: {job:?}")
        };
        let request = ActivationRequest {
            auto_rollback,
            magic_rollback,
            reactivate,
            next_boot: self.order == Order::NextBoot,
            // Whatever is found once an earlier run is recovered.
            expected: ProfileState::Unknown {
                reason: "not looked at".into(),
            },
            ..self
                .bed
                .magic(&self.paths[&target], if confirmed { 60 } else { 0 })
        };
        self.last = request.run.clone();
        request
    }

    fn end(&self) -> End {
        let world = self.bed.world();
        let name = |path: &str| self.name_of(path);
        let boots = (self.order != Order::SetFirst)
            .then(|| self.bed.node().boots)
            .flatten();
        End {
            link: world.link.map(|link| name(&link)),
            generations: world
                .generations
                .iter()
                .map(|(link, path)| (link.clone(), name(path)))
                .collect(),
            active: world.active,
            boots,
        }
    }

    /// The closure's name in place of its path.
    fn name_of(&self, text: &str) -> String {
        let found = self.paths.iter().find(|(_, path)| path.as_str() == text);
        found.map_or(text, |(closure, _)| closure.name()).to_owned()
    }
}

fn end_of(world: &World) -> End {
    let name = |text: &String| match Closure::at(text) {
        Some(closure) => closure.name().to_owned(),
        None => text.clone(),
    };
    let generations = world.files.generations.iter();
    End {
        link: world.files.link.as_ref().map(name),
        generations: generations
            .map(|(number, path)| (number.link_name("app"), name(path)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect(),
        active: world.files.active.map(|closure| closure.name().to_owned()),
        boots: world.boots.map(|closure| closure.name().to_owned()),
    }
}

/// Whether the node is reset once this life is over. Where chance decides what a child got done,
/// it would decide what is booted, too.
fn is_reset(order: Order, life: &Life) -> bool {
    let reset = matches!(life.death, Some(Death { point, reset: Some(_), .. }) if point != STARTED);
    reset && order != Order::SetFirst
}

/// Lets agents live the lives, and returns how they end once all is recovered.
fn replay(sequence: &Sequence) -> End {
    let mut stage = Stage::new(sequence);
    for life in &sequence.lives {
        stage.live(life);
        if is_reset(sequence.order, life) && stage.bed.node().boots.is_some() {
            stage.bed.boot();
        }
    }
    stage.live(&RECOVER);
    stage.end()
}

/// Returns how the model says that it ends: in several ways where a child was just started, which
/// gets done or not, as chance has it.
fn ends_of(sequence: &Sequence) -> Vec<End> {
    let mut worlds = vec![sequence.world()];
    for (index, life) in sequence.lives.iter().enumerate() {
        let mut after = Vec::new();
        for world in &worlds {
            for life in chances(life) {
                let mut world = world.clone();
                actor::live(&mut world, index, &life);
                if is_reset(sequence.order, &life) && world.boots.is_some() {
                    world.lose_power(usize::MAX);
                }
                after.push(world);
            }
        }
        worlds = after;
    }
    let end = |mut world: World| {
        actor::live(&mut world, RECOVERED, &RECOVER);
        end_of(&world)
    };
    worlds.into_iter().map(end).collect()
}

fn chances(life: &Life) -> Vec<Life> {
    match life.death {
        Some(death) if death.point == STARTED => [false, true]
            .map(|child_finishes| Life {
                death: Some(Death {
                    child_finishes,
                    ..death
                }),
                ..*life
            })
            .to_vec(),
        _ => vec![*life],
    }
}

fn end_as_the_model_says(order: Order) {
    let seed = std::env::var(SEED).unwrap_or_else(|_| new_run().to_string());
    let seed = format!("{seed:0<32.32}");
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, seed.as_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = sequences(order, 3);
    let mut differ = String::new();
    for _ in 0..SEQUENCES {
        let sequence = strategy.new_tree(&mut runner).unwrap().current();
        let (expected, found) = (ends_of(&sequence), replay(&sequence));
        if !expected.contains(&found) {
            writeln!(
                differ,
                "{sequence:#?}\nthe model: {expected:#?}\nthe agent: {found:#?}"
            )
            .unwrap();
        }
    }
    assert!(differ.is_empty(), "{SEED}={seed}\n{differ}");
}

#[test]
fn profiles_end_as_the_model_says() {
    end_as_the_model_says(Order::SetFirst);
}

#[test]
fn nixos_systems_end_as_the_model_says() {
    end_as_the_model_says(Order::ConfirmFirst);
}

#[test]
fn systems_for_the_next_boot_end_as_the_model_says() {
    end_as_the_model_says(Order::NextBoot);
}
