//! Which phase follows which: the whole life of an activation as one pure function.

use crate::protocol::Phase;

/// What the request decides about the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    /// Setting the profile is part of the activation.
    pub(super) sets_profile: bool,
    /// Go back when the activation fails.
    pub(super) auto_rollback: bool,
    /// Wait for a confirmation.
    pub(super) magic_rollback: bool,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// What the phase is about was done.
    Succeeded,
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
pub(super) fn next(phase: Phase, fact: Fact, policy: Policy) -> Option<Phase> {
    use Fact::{Failed, Interrupted, Revoked, Succeeded, Unconfirmed};
    use Phase::{
        Activating, Confirmed, LeftFailed, Prepared, RollbackFailed, RolledBack, RollingBack,
        Setting, Waiting,
    };
    Some(match (phase, fact) {
        (Prepared, Succeeded) if policy.sets_profile => Setting,
        (Prepared | Setting, Succeeded) => Activating,
        (Activating, Succeeded) if policy.magic_rollback => Waiting,
        (Activating | Waiting, Succeeded) => Confirmed,
        (Activating, Failed) if !policy.auto_rollback => LeftFailed,
        // Nothing was changed, or nothing but the link, which no setting says to leave wrong.
        (Prepared, Failed | Interrupted) | (RollingBack, Succeeded) => RolledBack,
        (RollingBack, Failed) => RollbackFailed,
        (Setting | Activating | Waiting, Failed)
        | (Activating | Waiting, Unconfirmed)
        | (Setting | Activating | Waiting | RollingBack, Interrupted)
        | (Confirmed, Revoked) => RollingBack,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Phase::{Activating, Confirmed, Prepared, Setting, Waiting};
    use proptest::prelude::*;

    const FACTS: [Fact; 5] = [
        Fact::Succeeded,
        Fact::Failed,
        Fact::Unconfirmed,
        Fact::Interrupted,
        Fact::Revoked,
    ];

    fn policy(bits: u8) -> Policy {
        Policy {
            sets_profile: bits & 1 > 0,
            auto_rollback: bits & 2 > 0,
            magic_rollback: bits & 4 > 0,
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
    }

    #[test]
    fn an_unconfirmed_activation_goes_back_whatever_auto_rollback_says() {
        for bits in 0..8 {
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
            facts in proptest::collection::vec(0_usize..5, 0..30),
            bits in 0_u8..8,
        ) {
            let facts: Vec<Fact> = facts.into_iter().map(|index| FACTS[index]).collect();
            let phases = walk(&facts, policy(bits));
            for pair in phases.windows(2) {
                // Only a run that is taken back leaves a final phase.
                prop_assert!(pair[0].is_pending() || pair == [Phase::Confirmed, Phase::RollingBack]);
            }
            let last = phases[phases.len() - 1];
            // Whoever finds a pending journal can finish it, and needs no other fact.
            if last.is_pending() {
                let mut now = next(last, Fact::Interrupted, policy(bits)).unwrap();
                if now.is_pending() {
                    now = next(now, Fact::Succeeded, policy(bits)).unwrap();
                }
                prop_assert_eq!(now, Phase::RolledBack);
            }
            if phases.contains(&Phase::Confirmed) {
                let before = phases.iter().position(|phase| *phase == Phase::Confirmed).unwrap();
                let expected = if policy(bits).magic_rollback { Phase::Waiting } else { Phase::Activating };
                prop_assert_eq!(phases[before - 1], expected);
            }
        }
    }
}
