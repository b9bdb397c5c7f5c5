//! One agent's life in the model: the same steps, in the same order, with the same points to die at.

use deploy::agent::rules::{Fact, Moment, Policy, is_restored, is_what_the_run_made, next};
use deploy::model::{Operator, RunId};
use deploy::protocol::{
    FailureReason, JOURNAL_VERSION, Journal, Order, Phase, Previous, ProcessIdentity,
};

use super::sequence::{Job, Life};
use super::world::{Action, Before, Closure, World, profile_path};

/// The agent is dead.
#[derive(Debug)]
pub(super) struct Died;

/// What did not succeed, so that it is to be undone.
pub(super) struct Setback(Fact);

pub(super) struct Actor<'a> {
    pub(super) world: &'a mut World,
    pub(super) journal: Journal,
    life: &'a Life,
}

/// Lets an agent live; returns whether it died before its end.
pub(super) fn live(world: &mut World, index: usize, life: &Life) -> bool {
    let journal = world.journal.clone();
    let journal = journal.unwrap_or_else(|| first_journal(world, index, Closure::One));
    match life.job {
        Job::Start { .. } => {
            world.last_run = Some(run_id(index));
            world.revoked = false;
        }
        // Tells how the first one ended.
        Job::Revoke if world.revoked => return false,
        Job::Revoke => world.revoked = true,
        Job::Recover => {}
    }
    let mut actor = Actor {
        world,
        journal,
        life,
    };
    actor.work(index).is_err()
}

fn first_journal(world: &World, index: usize, target: Closure) -> Journal {
    let found = world.snapshot();
    let target = target.path();
    let sets_profile = found.state.path() != Some(&target);
    let generation = if sets_profile {
        Some(found.generation_for(&target))
    } else {
        found.state.generation()
    };
    let system = world
        .files
        .active
        .filter(|_| world.order != Order::SetFirst);
    Journal {
        format_version: JOURNAL_VERSION,
        run: run_id(index),
        operator: Operator {
            user: "u".into(),
            host: "h".into(),
        },
        profile_path: profile_path(),
        previous: Previous {
            link: found.link,
            state: found.state,
            generations: found.generations.into_keys().collect(),
            current_system: system.map(|closure| closure.path().to_string()),
        },
        target,
        generation,
        sets_profile,
        order: world.order,
        phase: Phase::Prepared,
        agent: ProcessIdentity {
            pid: 1,
            start_time: 1,
        },
        activation: None,
        deadline: None,
        boot_id: None,
        failure: None,
        activated: false,
        wrote_boot_entry: false,
        degraded: false,
        rebooted: false,
        confirm_folder: None,
        canary: None,
        activation_timeout: None,
    }
}

fn run_id(index: usize) -> RunId {
    RunId::from_bytes([u8::try_from(index).unwrap(); 16])
}

/// The name that a phase has among the points.
fn name_of(phase: Phase) -> String {
    let text = serde_json::to_value(phase).unwrap();
    text.as_str().unwrap().replace('_', "-")
}

impl Actor<'_> {
    fn work(&mut self, index: usize) -> Result<(), Died> {
        self.point("locked")?;
        if self.recover()? {
            match self.life.job {
                Job::Recover => {}
                Job::Revoke => self.revoke()?,
                Job::Start {
                    target, reactivate, ..
                } => self.start(index, target, reactivate)?,
            }
        }
        self.point("result")
    }

    pub(super) fn point(&self, name: &str) -> Result<(), Died> {
        match self.life.death {
            Some(death) if death.point == name => Err(Died),
            _ => Ok(()),
        }
    }

    fn store(&mut self) -> Result<(), Died> {
        self.point("journal")?;
        self.world.journal = Some(self.journal.clone());
        Ok(())
    }

    /// Writes the journal with this phase, before what the phase is about.
    pub(super) fn enter(&mut self, phase: Phase) -> Result<(), Died> {
        let entered = phase != self.journal.phase;
        if entered {
            self.point(&format!("before-{}", name_of(phase)))?;
        }
        self.journal.phase = phase;
        self.store()?;
        if entered {
            self.point(&name_of(phase))?;
        }
        Ok(())
    }

    /// Runs a child, which may get done although the agent dies.
    pub(super) fn run<T>(
        &mut self,
        phase: Phase,
        child: impl FnOnce(&mut World) -> T,
    ) -> Result<T, Died> {
        self.journal.activated |= phase == Phase::Activating;
        self.enter(phase)?;
        let dies = self.point("started").is_err();
        if dies && !self.life.death.is_some_and(|death| death.child_finishes) {
            return Err(Died);
        }
        let result = child(self.world);
        if dies { Err(Died) } else { Ok(result) }
    }

    pub(super) fn activate(
        &mut self,
        closure: Closure,
        action: Action,
        phase: Phase,
    ) -> Result<bool, Died> {
        if phase != Phase::RollingBack {
            self.journal.wrote_boot_entry |= action == Action::Boot;
        }
        self.run(phase, |world| world.activate(closure, action))
    }

    fn start(&mut self, index: usize, target: Closure, reactivate: bool) -> Result<(), Died> {
        self.point("recovered")?;
        let was_left_failed = self.world.journal.as_ref().is_some_and(|last| {
            last.target == target.path()
                && matches!(last.phase, Phase::LeftFailed | Phase::RollbackFailed)
        });
        if self.world.current() == Some(target) && !reactivate && !was_left_failed {
            return Ok(());
        }
        self.world.sync();
        self.journal = first_journal(self.world, index, target);
        let policy = self.policy();
        self.store()?;
        self.world.before = Before {
            files: self.world.files.clone(),
            boots: self.world.boots,
            policy: Some(policy),
            was_reset: false,
        };
        self.point("prepared")?;
        match self.go(policy)? {
            Ok(()) => Ok(()),
            Err(Setback(fact)) => self.undo(fact, policy),
        }
    }

    fn policy(&self) -> Policy {
        let Job::Start {
            auto_rollback,
            magic_rollback,
            ..
        } = self.life.job
        else {
            return Policy::of_found(&self.journal);
        };
        Policy {
            sets_profile: self.journal.sets_profile,
            order: self.journal.order,
            auto_rollback,
            magic_rollback: magic_rollback && self.journal.order != Order::NextBoot,
            keeps_degraded: false,
        }
    }

    pub(super) fn after(&self, fact: Fact, policy: Policy) -> Phase {
        let phase = self.journal.phase;
        next(phase, fact, policy).unwrap_or_else(|| panic!("nothing follows {phase} and {fact:?}"))
    }

    fn go(&mut self, policy: Policy) -> Result<Result<(), Setback>, Died> {
        let target = self.target();
        let action = match policy.order {
            Order::SetFirst => Action::Switch,
            Order::ConfirmFirst => Action::Test,
            Order::NextBoot => Action::Boot,
        };
        if policy.order != Order::ConfirmFirst {
            if policy.sets_profile {
                self.set_profile(self.after(Fact::Succeeded, policy))?;
            }
            self.point("set")?;
        }
        let works = self.activate(target, action, self.after(Fact::Succeeded, policy))?;
        self.point("activated")?;
        if !works {
            return Ok(Err(Setback(Fact::Failed)));
        }
        if policy.order != Order::ConfirmFirst {
            self.world.sync();
        }
        let mut phase = self.after(Fact::Succeeded, policy);
        if phase == Phase::Waiting {
            self.enter(phase)?;
            if !matches!(
                self.life.job,
                Job::Start {
                    confirmed: true,
                    ..
                }
            ) {
                return Ok(Err(Setback(Fact::Unconfirmed)));
            }
            self.point("confirmation-seen")?;
            phase = self.after(Fact::Succeeded, policy);
        }
        self.enter(phase)?;
        if phase == Phase::Committing {
            if !self.commit()? {
                return Ok(Err(Setback(Fact::Failed)));
            }
            self.enter(self.after(Fact::Succeeded, policy))?;
        }
        Ok(Ok(()))
    }

    fn target(&self) -> Closure {
        Closure::at(self.journal.target.as_str()).unwrap()
    }

    fn set_profile(&mut self, phase: Phase) -> Result<(), Died> {
        let Journal {
            generation,
            previous,
            target,
            ..
        } = self.journal.clone();
        let existing = generation.filter(|number| previous.generations.contains(number));
        self.run(phase, |world| match existing {
            Some(number) => world.switch_generation(number),
            None => world.set(&target),
        })?;
        self.journal.generation = self.world.snapshot().state.generation();
        Ok(())
    }

    fn commit(&mut self) -> Result<bool, Died> {
        if self.journal.sets_profile && is_restored(&self.journal, &self.world.snapshot()) {
            self.set_profile(Phase::Committing)?;
        }
        self.point("committed-set")?;
        if !self.activate(self.target(), Action::Boot, Phase::Committing)? {
            return Ok(false);
        }
        self.point("committed-boot")?;
        self.world.sync();
        Ok(true)
    }

    fn undo(&mut self, fact: Fact, policy: Policy) -> Result<(), Died> {
        match self.after(fact, policy) {
            phase @ (Phase::RolledBack | Phase::LeftFailed) => self.enter(phase),
            _ => self.roll_back(match policy.order {
                Order::SetFirst | Order::NextBoot => Moment::AtOnce,
                Order::ConfirmFirst => Moment::Later,
            }),
        }
    }

    /// Returns whether anything else may begin.
    fn recover(&mut self) -> Result<bool, Died> {
        match self.world.journal.clone() {
            Some(journal) if journal.phase.is_pending() => self.journal = journal,
            _ => return Ok(true),
        }
        self.point("ended")?;
        self.store()?;
        let policy = Policy::of_found(&self.journal);
        match self.after(Fact::Interrupted, policy) {
            Phase::RolledBack => self.enter(Phase::RolledBack)?,
            Phase::Committing => self.finish_confirmed(policy)?,
            _ => self.roll_back(Moment::Later)?,
        }
        Ok(self.journal.phase != Phase::RollbackFailed)
    }

    fn finish_confirmed(&mut self, policy: Policy) -> Result<(), Died> {
        let mut works = self.commit()?;
        if works && self.world.files.active != Some(self.target()) {
            works = self.activate(self.target(), Action::Test, Phase::Committing)?;
        }
        if works {
            self.enter(self.after(Fact::Succeeded, policy))
        } else {
            self.roll_back(Moment::Later)
        }
    }

    fn revoke(&mut self) -> Result<(), Died> {
        let now = self.world.snapshot();
        let Some(mut journal) = self.world.journal.clone() else {
            return Ok(());
        };
        let policy = Policy::of_found(&journal);
        let Some(phase) = next(journal.phase, Fact::Revoked, policy) else {
            return Ok(());
        };
        let asked = self.world.last_run.as_ref() == Some(&journal.run);
        if asked && is_what_the_run_made(&journal, &now) {
            journal.failure = Some(FailureReason::Revoked);
            journal.phase = phase;
            self.journal = journal;
            self.store()?;
            self.roll_back(Moment::AtOnce)?;
        }
        Ok(())
    }
}
