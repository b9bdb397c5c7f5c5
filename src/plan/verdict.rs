//! What a reviewer must know about a change, beyond that it is one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::{Action, ClosureChange, PackageChangeKind};
use super::observation::{NodeFacts, ObservedJournal, ObservedLock, ProfileObservation};
use super::system_parts::SystemParts;
use crate::model::{GenerationContent, ProfileSettings, StorePath};
use crate::protocol::Phase;

/// The link of a NixOS system.
pub(super) const SYSTEM_PROFILE: &str = "/nix/var/nix/profiles/system";

/// Something that a reviewer must know about a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// What it is.
    pub kind: VerdictKind,
    /// The same for people, with names and versions.
    pub message: String,
}

/// What a verdict is about, the gravest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// What was booted differs in parts that only a reboot changes.
    RebootNeeded,
    /// A package gets older.
    Downgrade,
    /// The node runs something other than its profile.
    Drift,
    /// What is there now cannot be activated again, should the change fail.
    NoWayBack,
    /// A setting says not to go back.
    RollbackOff,
    /// There is nothing yet to go back to.
    FirstDeployment,
}

/// What is known about a change.
pub(super) struct Change<'a> {
    pub(super) action: Action,
    pub(super) settings: &'a ProfileSettings,
    pub(super) closure: Option<&'a ClosureChange>,
    pub(super) facts: &'a NodeFacts,
    pub(super) observed: &'a ProfileObservation,
    /// The parts of the target, where that is a system that was built.
    pub(super) target: Option<&'a SystemParts>,
}

impl Change<'_> {
    /// Returns the verdicts, the gravest first.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        if self.action == Action::Unknown {
            return Vec::new();
        }
        let changes = self.action != Action::Unchanged;
        let verdicts = [
            (VerdictKind::RebootNeeded, self.reboot()),
            (VerdictKind::Downgrade, self.downgrade()),
            (VerdictKind::Drift, self.drift()),
            (
                VerdictKind::NoWayBack,
                no_way_back(self.observed).filter(|_| changes),
            ),
            (
                VerdictKind::RollbackOff,
                self.rollback_off().filter(|_| changes),
            ),
            (VerdictKind::FirstDeployment, self.first_deployment()),
        ];
        verdicts
            .into_iter()
            .filter_map(|(kind, message)| {
                Some(Verdict {
                    kind,
                    message: message?,
                })
            })
            .collect()
    }

    fn reboot(&self) -> Option<String> {
        let parts = self.target?.differences(&self.facts.booted_parts);
        (!parts.is_empty()).then(|| format!("a reboot is needed for {}", parts.join(", ")))
    }

    fn downgrade(&self) -> Option<String> {
        let packages = self
            .closure
            .into_iter()
            .flat_map(|closure| &closure.packages);
        let older: Vec<String> = packages
            .filter(|change| change.kind == PackageChangeKind::Downgraded)
            .map(|change| {
                let (before, after) = (change.before.join(", "), change.after.join(", "));
                format!("{} {before} -> {after}", change.name)
            })
            .collect();
        (!older.is_empty()).then(|| format!("older than before: {}", older.join("; ")))
    }

    /// Only a system says what of it runs.
    fn drift(&self) -> Option<String> {
        let runs = running_instead(self.facts, self.observed).map(|path| {
            format!(
                "the node runs {}, which is not what its profile says",
                path.name()
            )
        });
        let deployed = deployed_instead(self.observed).map(|path| {
            format!(
                "{} was deployed last, and the profile was changed since",
                path.name()
            )
        });
        let sentences: Vec<String> = runs.into_iter().chain(deployed).collect();
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }

    fn rollback_off(&self) -> Option<String> {
        let failing = "autoRollback is off: an activation that fails is left as it is";
        let cut_off = "magicRollback is off: a node that cuts itself off stays so";
        match (self.settings.auto_rollback, self.settings.magic_rollback) {
            (true, true) => None,
            (false, true) => Some(failing.to_owned()),
            (true, false) => Some(cut_off.to_owned()),
            (false, false) => Some(format!("{failing}; {cut_off}")),
        }
    }

    fn first_deployment(&self) -> Option<String> {
        (self.action == Action::Create).then(|| {
            "the first deployment: should it fail, its link goes again, but what it did stays"
                .to_owned()
        })
    }
}

/// Says why what is there now could not be activated again, should a change fail.
pub(super) fn no_way_back(observed: &ProfileObservation) -> Option<String> {
    let current = observed.state.generation()?;
    let mut generations = observed.generations.iter();
    let content = generations
        .find(|generation| generation.number == current)?
        .content;
    let why = match content {
        GenerationContent::Activatable => return None,
        GenerationContent::WithoutProgram => "has no activation",
        GenerationContent::Gone => "is gone from the store",
    };
    Some(format!(
        "generation {current} {why}: going back could only restore its link"
    ))
}

/// Returns the system that runs where the profile says another one.
pub(super) fn running_instead(
    facts: &NodeFacts,
    observed: &ProfileObservation,
) -> Option<StorePath> {
    let is_system = observed.profile_path.as_str() == SYSTEM_PROFILE;
    let runs = facts.current_system.as_ref().filter(|_| is_system)?;
    (observed.state.path() != Some(runs)).then(|| runs.clone())
}

/// Returns what the last run has deployed where the profile says something else.
pub(super) fn deployed_instead(observed: &ProfileObservation) -> Option<StorePath> {
    let ObservedJournal::Read { journal, .. } = &observed.journal else {
        return None;
    };
    let is_other = journal.phase == Phase::Confirmed
        && observed.lock == ObservedLock::Free
        && observed
            .state
            .path()
            .is_some_and(|path| *path != journal.target);
    is_other.then(|| journal.target.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Generation, ObservedGeneration, ProfileState};
    use crate::plan::build_plan::tests::settings;

    fn path(name: &str) -> StorePath {
        format!("/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-{name}")
            .parse()
            .unwrap()
    }

    fn system(content: GenerationContent) -> ProfileObservation {
        let number = Generation(3);
        ProfileObservation {
            profile_path: SYSTEM_PROFILE.parse().unwrap(),
            state: ProfileState::Present {
                generation: Some(number),
                path: Some(path("old")),
                highest_generation: Some(number),
            },
            newest: Some((number, Some(path("old")))),
            generations: vec![ObservedGeneration {
                number,
                path: Some(path("old")),
                made: None,
                content,
            }],
            journal: ObservedJournal::None,
            lock: ObservedLock::Free,
            sudo_allowed: None,
            active_units: None,
        }
    }

    fn kinds(
        action: Action,
        facts: &NodeFacts,
        observed: &ProfileObservation,
        target: Option<&SystemParts>,
    ) -> Vec<VerdictKind> {
        let change = Change {
            action,
            settings: &settings(),
            closure: None,
            facts,
            observed,
            target,
        };
        let verdicts = change.verdicts().into_iter();
        verdicts.map(|verdict| verdict.kind).collect()
    }

    #[test]
    fn nothing_to_be_said() {
        let facts = NodeFacts {
            current_system: Some(path("old")),
            ..NodeFacts::default()
        };
        let observed = system(GenerationContent::Activatable);
        for action in [Action::Update, Action::Unchanged, Action::Reactivate] {
            assert_eq!(kinds(action, &facts, &observed, None), []);
        }
    }

    #[test]
    fn a_rollback_that_is_off() {
        let (facts, observed) = (NodeFacts::default(), system(GenerationContent::Activatable));
        for (auto_rollback, magic_rollback, words) in [
            (false, true, &["autoRollback"][..]),
            (true, false, &["magicRollback"]),
            (false, false, &["autoRollback", "magicRollback"]),
        ] {
            let settings = ProfileSettings {
                auto_rollback,
                magic_rollback,
                ..settings()
            };
            let mut change = Change {
                action: Action::Update,
                settings: &settings,
                closure: None,
                facts: &facts,
                observed: &observed,
                target: None,
            };
            let verdicts = change.verdicts();
            assert_eq!(verdicts[0].kind, VerdictKind::RollbackOff);
            let message = &verdicts[0].message;
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
            change.action = Action::Unchanged;
            assert_eq!(change.verdicts(), []);
        }
    }

    #[test]
    fn each_verdict() {
        let mut facts = NodeFacts {
            current_system: Some(path("other")),
            ..NodeFacts::default()
        };
        facts
            .booted_parts
            .insert("kernel", "/nix/store/a-linux-6.6.30/bzImage");
        let mut target = SystemParts::default();
        target.insert("kernel", "/nix/store/b-linux-6.6.31/bzImage");
        let observed = system(GenerationContent::WithoutProgram);
        assert_eq!(
            kinds(Action::Update, &facts, &observed, Some(&target)),
            [
                VerdictKind::RebootNeeded,
                VerdictKind::Drift,
                VerdictKind::NoWayBack
            ]
        );
        // Going back is not asked of what stays.
        assert_eq!(
            kinds(Action::Unchanged, &facts, &observed, Some(&target)),
            [VerdictKind::RebootNeeded, VerdictKind::Drift]
        );
        assert_eq!(
            kinds(Action::Create, &NodeFacts::default(), &observed, None),
            [VerdictKind::NoWayBack, VerdictKind::FirstDeployment]
        );
        assert_eq!(kinds(Action::Unknown, &facts, &observed, Some(&target)), []);
    }
}
