//! What going back means: from the journal and the profile as it is now, to what was recorded.

use super::profile::Snapshot;
use crate::model::Generation;
use crate::protocol::Journal;

/// When it is that an activation goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// By the process that did it, under the lock that it took before: what changed since was
    /// changed by the activation.
    AtOnce,
    /// By whoever found the journal, any time later.
    Later,
}

/// How the profile link gets back to what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkStep {
    /// It is as it was.
    Keep,
    /// Let Nix make this generation current.
    SwitchGeneration(Generation),
    /// Write this text: what was there was no generation.
    Restore(String),
    /// There was none.
    Remove,
    /// Somebody else has set the profile meanwhile. Their work is not undone.
    LeaveToOthers,
}

/// Returns how the link gets back.
pub fn link_step(journal: &Journal, now: &Snapshot, moment: Moment) -> LinkStep {
    if is_restored(journal, now) {
        return LinkStep::Keep;
    }
    if moment == Moment::Later && now.state.path() != Some(&journal.target) {
        return LinkStep::LeaveToOthers;
    }
    let previous = &journal.previous;
    match (&previous.link, previous.state.generation()) {
        (None, _) => LinkStep::Remove,
        (Some(_), Some(number)) if now.generations.contains_key(&number) => {
            LinkStep::SwitchGeneration(number)
        }
        (Some(text), _) => LinkStep::Restore(text.clone()),
    }
}

/// Returns whether the link is what it was: the same generation by whatever text, or the same text.
pub fn is_restored(journal: &Journal, now: &Snapshot) -> bool {
    let previous = &journal.previous;
    let same_link = match previous.state.generation() {
        Some(number) => now.state.generation() == Some(number),
        None => now.link == previous.link,
    };
    same_link && now.state.path() == previous.state.path()
}

/// Returns the generation that the run made, if it is there and may go.
pub fn surplus_generation(journal: &Journal, now: &Snapshot) -> Option<Generation> {
    let made = journal.generation.filter(|_| journal.sets_profile)?;
    let was_there = journal.previous.generations.contains(&made);
    let is_ours = now.generations.get(&made).map(String::as_str) == Some(journal.target.as_str());
    let is_current = now.state.generation() == Some(made);
    (!was_there && is_ours && !is_current).then_some(made)
}

/// Returns whether the profile still is exactly what the run made of it.
pub fn is_what_the_run_made(journal: &Journal, now: &Snapshot) -> bool {
    let before = journal.previous.state.highest_generation();
    let (generation, highest) = if journal.sets_profile {
        (journal.generation, before.max(journal.generation))
    } else {
        (journal.previous.state.generation(), before)
    };
    now.state.path() == Some(&journal.target)
        && now.state.generation() == generation
        && now.state.highest_generation() == highest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::journal::tests::example;
    use crate::model::ProfileState;
    use crate::protocol::Phase;

    fn path(name: &str) -> String {
        format!("/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-{name}")
    }

    /// Links of generations 3 ("old"), 5 ("x") and those given, with the profile link at `link`.
    fn snapshot(link: Option<&str>, more: &[(u64, &str)]) -> Snapshot {
        let all = [(3, "old"), (5, "x")]
            .into_iter()
            .chain(more.iter().copied());
        let generations: std::collections::BTreeMap<_, _> = all
            .map(|(number, name)| (Generation(number), path(name)))
            .collect();
        let highest_generation = generations.keys().next_back().copied();
        let state = match link {
            None => ProfileState::Absent { highest_generation },
            Some(link) => {
                let generation = Generation::from_link_name("profile", link);
                let text = generation.and_then(|number| generations.get(&number).cloned());
                ProfileState::Present {
                    generation,
                    path: text.unwrap_or(link.to_owned()).parse().ok(),
                    highest_generation,
                }
            }
        };
        Snapshot {
            link: link.map(str::to_owned),
            state,
            generations,
        }
    }

    fn journal_after(link: Option<&str>) -> Journal {
        let before = snapshot(link, &[]);
        let mut journal = example(Phase::Waiting);
        journal.previous.link = before.link;
        journal.previous.state = before.state;
        journal
    }

    #[test]
    fn back_to_the_recorded_number_with_gaps() {
        let now = snapshot(Some("profile-6-link"), &[(6, "new")]);
        for moment in [Moment::AtOnce, Moment::Later] {
            let journal = journal_after(Some("profile-3-link"));
            assert_eq!(
                link_step(&journal, &now, moment),
                LinkStep::SwitchGeneration(Generation(3))
            );
            assert_eq!(
                link_step(&journal_after(None), &now, moment),
                LinkStep::Remove
            );
            let direct = path("direct");
            assert_eq!(
                link_step(&journal_after(Some(&direct)), &now, moment),
                LinkStep::Restore(direct)
            );
        }
    }

    #[test]
    fn a_recorded_generation_that_is_gone_is_restored_as_text() {
        let mut now = snapshot(Some("profile-6-link"), &[(6, "new")]);
        now.generations.remove(&Generation(3));
        let journal = journal_after(Some("profile-3-link"));
        assert_eq!(
            link_step(&journal, &now, Moment::AtOnce),
            LinkStep::Restore("profile-3-link".into())
        );
    }

    #[test]
    fn going_back_again_changes_nothing() {
        for link in [None, Some("profile-3-link"), Some("/elsewhere")] {
            let (journal, now) = (journal_after(link), snapshot(link, &[]));
            assert_eq!(link_step(&journal, &now, Moment::Later), LinkStep::Keep);
            assert_eq!(surplus_generation(&journal, &now), None);
        }
    }

    #[test]
    fn the_work_of_others_is_left_alone_later_but_not_at_once() {
        let journal = journal_after(Some("profile-3-link"));
        let now = snapshot(Some("profile-7-link"), &[(6, "new"), (7, "theirs")]);
        assert_eq!(
            link_step(&journal, &now, Moment::Later),
            LinkStep::LeaveToOthers
        );
        assert_eq!(
            link_step(&journal, &now, Moment::AtOnce),
            LinkStep::SwitchGeneration(Generation(3))
        );
        assert_eq!(surplus_generation(&journal, &now), Some(Generation(6)));
    }

    #[test]
    fn only_our_own_generation_may_go() {
        let journal = journal_after(Some("profile-3-link"));
        let after = |link, more| surplus_generation(&journal, &snapshot(Some(link), more));
        assert_eq!(after("profile-3-link", &[(6, "new")]), Some(Generation(6)));
        assert_eq!(after("profile-6-link", &[(6, "new")]), None, "current");
        assert_eq!(after("profile-3-link", &[(6, "other")]), None, "another's");
        assert_eq!(after("profile-3-link", &[]), None, "gone");
        let mut reused = journal.clone();
        reused.generation = Some(Generation(5));
        reused.target = path("x").parse().unwrap();
        let now = snapshot(Some("profile-3-link"), &[]);
        assert_eq!(surplus_generation(&reused, &now), None, "was there before");
        let mut unset = journal.clone();
        unset.sets_profile = false;
        let now = snapshot(Some("profile-3-link"), &[(6, "new")]);
        assert_eq!(surplus_generation(&unset, &now), None, "not made");
    }

    #[test]
    fn a_run_is_taken_back_only_from_what_it_made() {
        let journal = journal_after(Some("profile-3-link"));
        let made = snapshot(Some("profile-6-link"), &[(6, "new")]);
        assert!(is_what_the_run_made(&journal, &made));
        for (link, more) in [
            ("profile-6-link", &[(6, "new"), (7, "later")][..]),
            ("profile-7-link", &[(6, "new"), (7, "new")]),
            ("profile-3-link", &[(6, "new")]),
            ("profile-6-link", &[(6, "other")]),
        ] {
            assert!(
                !is_what_the_run_made(&journal, &snapshot(Some(link), more)),
                "{link}"
            );
        }
    }
}
