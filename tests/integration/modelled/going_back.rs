//! Going back in the model: what the agent's rollback does, step by step.

use deploy::agent::rules::{LinkStep, Moment, is_restored, link_step, surplus_generation};
use deploy::protocol::{Order, Phase};

use super::actor::{Actor, Died};
use super::world::{Action, Closure};

impl Actor<'_> {
    pub(super) fn roll_back(&mut self, moment: Moment) -> Result<(), Died> {
        self.enter(Phase::RollingBack)?;
        let others = self.restore_link(moment)?;
        let restored = others || is_restored(&self.journal, &self.world.snapshot());
        self.point("restored")?;
        self.delete_surplus()?;
        self.point("deleted")?;
        let mut works = restored;
        if self.journal.activated && !others {
            works &= match self.journal.order {
                Order::SetFirst => self.switch_to_previous()?,
                Order::ConfirmFirst => {
                    let boots = self.boot_previous()?;
                    self.test_previous()? && boots
                }
                Order::NextBoot => {
                    let prepared = if self.journal.wrote_boot_entry {
                        self.boot_previous()?
                    } else {
                        self.prepare_previous()?
                    };
                    (!self.has_booted_target() || self.test_previous()?) && prepared
                }
            };
            self.point("reactivated")?;
        }
        self.world.sync();
        self.enter(if works {
            Phase::RolledBack
        } else {
            Phase::RollbackFailed
        })
    }

    fn restore_link(&mut self, moment: Moment) -> Result<bool, Died> {
        match link_step(&self.journal, &self.world.snapshot(), moment) {
            LinkStep::Keep => {}
            LinkStep::LeaveToOthers => return Ok(true),
            LinkStep::SwitchGeneration(number) => self.run(Phase::RollingBack, |world| {
                world.switch_generation(number);
            })?,
            LinkStep::Restore(text) => self.world.write_link(Some(text)),
            LinkStep::Remove => self.world.write_link(None),
        }
        Ok(false)
    }

    fn delete_surplus(&mut self) -> Result<(), Died> {
        let now = self.world.snapshot();
        match surplus_generation(&self.journal, &now) {
            None => Ok(()),
            Some(number) if now.link.is_none() => {
                self.world.delete(number);
                Ok(())
            }
            Some(number) => self.run(Phase::RollingBack, |world| world.delete(number)),
        }
    }

    fn switch_to_previous(&mut self) -> Result<bool, Died> {
        match self.previous() {
            None => Ok(true),
            Some(closure) => self.activate(closure, Action::Switch, Phase::RollingBack),
        }
    }

    fn prepare_previous(&mut self) -> Result<bool, Died> {
        match self.previous() {
            None => Ok(true),
            Some(closure) => self.activate(closure, Action::Boot, Phase::RollingBack),
        }
    }

    fn boot_previous(&mut self) -> Result<bool, Died> {
        let before = self.previous().or_else(|| self.ran_before());
        let (true, Some(closure)) = (self.journal.wrote_boot_entry, before) else {
            return Ok(true);
        };
        let works = self.activate(closure, Action::Boot, Phase::RollingBack)?;
        self.journal.wrote_boot_entry &= !works;
        Ok(works)
    }

    fn test_previous(&mut self) -> Result<bool, Died> {
        match self.ran_before().or_else(|| self.previous()) {
            None => Ok(true),
            Some(closure) => self.activate(closure, Action::Test, Phase::RollingBack),
        }
    }

    fn has_booted_target(&self) -> bool {
        let target = Closure::at(self.journal.target.as_str());
        self.world.files.active == target && self.ran_before() != target
    }

    fn ran_before(&self) -> Option<Closure> {
        Closure::at(self.journal.previous.current_system.as_deref()?)
    }

    /// What the profile led to before.
    fn previous(&self) -> Option<Closure> {
        let path = self.journal.previous.state.path()?;
        Closure::at(path.as_str())
    }
}
