//! Which phase follows which: the whole life of an activation as one pure function.

use crate::protocol::{Journal, Order, Phase};

/// What the request and the target decide about the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a decision of its own"
)]
pub struct Policy {
    /// Setting the profile is part of the activation.
    pub sets_profile: bool,
    /// What comes first: setting the profile, or the confirmation.
    pub order: Order,
    /// Go back when the activation fails.
    pub auto_rollback: bool,
    /// Wait for a confirmation.
    pub magic_rollback: bool,
    /// Stay although some units have failed.
    pub keeps_degraded: bool,
}

impl Policy {
    /// Returns what is left to decide about a journal that was found. How its activation was to go
    /// on does not matter for going back.
    pub fn of_found(journal: &Journal) -> Self {
        Self {
            sets_profile: journal.sets_profile,
            order: journal.order,
            auto_rollback: true,
            magic_rollback: true,
            keeps_degraded: journal.degraded,
        }
    }
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// What the phase is about was done.
    Succeeded,
    /// It was done, but some units have failed.
    Degraded,
    /// It cannot be done without a reboot.
    NeedsReboot,
    /// It failed.
    Failed,
    /// The activation succeeded, but nobody could be asked to confirm it; or the time to do so is
    /// over.
    Unconfirmed,
    /// The agent died, and another found the journal.
    Interrupted,
    /// The run is taken back as a whole.
    Revoked,
}

/// Returns the phase that comes after `phase`, none where that fact cannot be.
pub fn next(phase: Phase, fact: Fact, policy: Policy) -> Option<Phase> {
    use Fact::{Degraded, Failed, Interrupted, NeedsReboot, Revoked, Succeeded, Unconfirmed};
    use Phase::{
        Activating, Committing, Confirmed, LeftFailed, Prepared, RollbackFailed, RolledBack,
        RollingBack, Setting, Waiting,
    };
    let confirms_first = policy.order == Order::ConfirmFirst;
    Some(match (phase, fact) {
        (Prepared, Succeeded) if policy.sets_profile && !confirms_first => Setting,
        (Prepared | Setting, Succeeded) => Activating,
        (Activating, Succeeded) if policy.magic_rollback => Waiting,
        (Activating | Waiting, Succeeded) if confirms_first => Committing,
        // Whoever confirmed it was told so: this goes on, and never back, for an agent that died.
        (Committing, Interrupted) => Committing,
        (Activating | Waiting | Committing, Succeeded) => Confirmed,
        (Activating, Degraded) if policy.keeps_degraded => {
            return next(phase, Succeeded, policy);
        }
        // The activation did nothing, and the profile was not set yet.
        (Activating, NeedsReboot) if confirms_first => RolledBack,
        (Activating, Degraded | NeedsReboot) => return next(phase, Failed, policy),
        (Activating | Committing, Failed) if !policy.auto_rollback => LeftFailed,
        // Nothing was changed, or nothing but the link, which no setting says to leave wrong.
        (Prepared, Failed | Interrupted) | (RollingBack, Succeeded) => RolledBack,
        (RollingBack, Failed) => RollbackFailed,
        (Setting | Activating | Waiting | Committing, Failed)
        | (Activating | Waiting, Unconfirmed)
        | (Setting | Activating | Waiting | RollingBack, Interrupted)
        | (Confirmed, Revoked) => RollingBack,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Phase::{Activating, Committing, Confirmed, Prepared, Setting, Waiting};
    use proptest::prelude::*;

    const FACTS: [Fact; 7] = [
        Fact::Succeeded,
        Fact::Degraded,
        Fact::NeedsReboot,
        Fact::Failed,
        Fact::Unconfirmed,
        Fact::Interrupted,
        Fact::Revoked,
    ];
    const POLICIES: u8 = 32;
    const CONFIRM_FIRST: u8 = 8;
    const KEEPS_DEGRADED: u8 = 16;

    fn policy(bits: u8) -> Policy {
        Policy {
            sets_profile: bits & 1 > 0,
            auto_rollback: bits & 2 > 0,
            magic_rollback: bits & 4 > 0,
            order: if bits & CONFIRM_FIRST > 0 {
                Order::ConfirmFirst
            } else {
                Order::SetFirst
            },
            keeps_degraded: bits & KEEPS_DEGRADED > 0,
        }
    }

    fn walk(facts: &[Fact], policy: Policy) -> Vec<Phase> {
        let mut phases = vec![Phase::Prepared];
        for fact in facts {
            let last = phases[phases.len() - 1];
            phases.extend(next(last, *fact, policy));
        }
        phases
    }

    #[test]
    fn the_ways_that_go_well() {
        let well = [Fact::Succeeded; 6];
        let all = [Prepared, Setting, Activating, Waiting, Confirmed];
        assert_eq!(walk(&well, policy(7)), all);
        assert_eq!(
            walk(&well, policy(1)),
            [Prepared, Setting, Activating, Confirmed]
        );
        assert_eq!(walk(&well, policy(0)), [Prepared, Activating, Confirmed]);
        for bits in [4, 5] {
            assert_eq!(
                walk(&well, policy(CONFIRM_FIRST | bits)),
                [Prepared, Activating, Waiting, Committing, Confirmed]
            );
        }
        assert_eq!(
            walk(&well, policy(CONFIRM_FIRST)),
            [Prepared, Activating, Committing, Confirmed]
        );
    }

    #[test]
    fn failed_units_go_back_unless_they_are_kept() {
        let after = |bits| next(Activating, Fact::Degraded, policy(bits)).unwrap();
        assert_eq!(after(6), Phase::RollingBack);
        assert_eq!(after(4), Phase::LeftFailed);
        assert_eq!(after(6 | KEEPS_DEGRADED), Waiting);
        assert_eq!(after(2 | KEEPS_DEGRADED), Confirmed);
        assert_eq!(after(2 | KEEPS_DEGRADED | CONFIRM_FIRST), Committing);
    }

    #[test]
    fn a_needed_reboot_goes_back_only_where_something_was_set() {
        let after = |bits| next(Activating, Fact::NeedsReboot, policy(bits)).unwrap();
        assert_eq!(after(6), Phase::RollingBack);
        assert_eq!(after(6 | CONFIRM_FIRST), Phase::RolledBack);
    }

    #[test]
    fn an_unconfirmed_activation_goes_back_whatever_auto_rollback_says() {
        for bits in 0..POLICIES {
            for phase in [Phase::Activating, Phase::Waiting] {
                assert_eq!(
                    next(phase, Fact::Unconfirmed, policy(bits)),
                    Some(Phase::RollingBack)
                );
            }
        }
    }

    proptest! {
        #[test]
        fn every_phase_ends_well_or_is_found_pending(
            facts in proptest::collection::vec(0..FACTS.len(), 0..30),
            bits in 0..POLICIES,
        ) {
            let facts: Vec<Fact> = facts.into_iter().map(|index| FACTS[index]).collect();
            let policy = policy(bits);
            let phases = walk(&facts, policy);
            for pair in phases.windows(2) {
                // Only a run that is taken back leaves a final phase.
                prop_assert!(pair[0].is_pending() || pair == [Phase::Confirmed, Phase::RollingBack]);
            }
            let last = phases[phases.len() - 1];
            // Whoever finds a pending journal can finish it, and needs no other fact.
            if last.is_pending() {
                let mut now = next(last, Fact::Interrupted, policy).unwrap();
                if now.is_pending() {
                    now = next(now, Fact::Succeeded, policy).unwrap();
                }
                let forward = last == Committing;
                prop_assert_eq!(now, if forward { Confirmed } else { Phase::RolledBack });
            }
            if let Some(first) = phases.iter().position(|phase| [Committing, Confirmed].contains(phase)) {
                let expected = if policy.magic_rollback { Phase::Waiting } else { Phase::Activating };
                prop_assert_eq!(phases[first - 1], expected);
                prop_assert_eq!(phases[first] == Committing, policy.order == Order::ConfirmFirst);
            }
            // The profile is set before the activation, or only after the confirmation.
            prop_assert!(!phases.contains(&Setting) || policy.order == Order::SetFirst);
        }
    }
}
