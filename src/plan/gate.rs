//! Gates: what a plan must not do, as `--deny` says it.
//!
//! A gate is `KIND[:PATTERN][@NODES]`. What cannot be told is denied: a gate that lets pass what it
//! could not see is none.

use std::fmt;
use std::str::FromStr;

use wildmatch::WildMatch;

use super::document::{
    Action, Mode, Observed, PackageChange, PackageChangeKind, Plan, PlannedNode, PlannedProfile,
};
use super::units::{UnitChange, UnitEffect};
use super::verdict::{SYSTEM_PROFILE, VerdictKind};
use crate::model::AbsolutePath;

/// Something that a plan must not do.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    text: String,
    kind: GateKind,
    pattern: WildMatch,
    nodes: WildMatch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GateKind {
    /// A reboot is needed.
    Reboot,
    /// A node runs something other than its profile.
    Drift,
    /// What is there now cannot be activated again.
    NoWayBack,
    /// A setting says not to go back.
    RollbackOff,
    /// A package gets older.
    Downgrade,
    /// A package goes.
    Removed,
    /// A package comes.
    Added,
    /// A unit is restarted, or stopped and started.
    Restart,
    /// A unit is stopped.
    Stop,
    /// A unit is reloaded.
    Reload,
    /// A profile is deployed for the first time.
    Create,
    /// The state of a profile is unknown.
    Unknown,
    /// A node cannot be reached or read.
    Unreachable,
}

impl GateKind {
    /// Returns whether only a node itself can tell it.
    fn is_told_by_nodes(self) -> bool {
        matches!(
            self,
            Self::Drift | Self::NoWayBack | Self::Unknown | Self::Unreachable
        )
    }
}

const KINDS: [(&str, GateKind); 13] = [
    ("reboot", GateKind::Reboot),
    ("drift", GateKind::Drift),
    ("no-way-back", GateKind::NoWayBack),
    ("rollback-off", GateKind::RollbackOff),
    ("downgrade", GateKind::Downgrade),
    ("removed", GateKind::Removed),
    ("added", GateKind::Added),
    ("restart", GateKind::Restart),
    ("stop", GateKind::Stop),
    ("reload", GateKind::Reload),
    ("create", GateKind::Create),
    ("unknown", GateKind::Unknown),
    ("unreachable", GateKind::Unreachable),
];

/// A text that is no gate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is no gate: it has to be {}, each with :PATTERN and @NODES if wanted",
    kinds()
)]
pub struct GateError {
    text: String,
}

fn kinds() -> String {
    KINDS.map(|(name, _)| name).join(", ")
}

impl FromStr for Gate {
    type Err = GateError;

    fn from_str(text: &str) -> Result<Self, GateError> {
        let (what, nodes) = text.rsplit_once('@').unwrap_or((text, "*"));
        let (name, pattern) = what.split_once(':').unwrap_or((what, "*"));
        let kind = KINDS.iter().find(|(known, _)| *known == name);
        match kind {
            Some((_, kind)) if !pattern.is_empty() && !nodes.is_empty() => Ok(Self {
                text: text.to_owned(),
                kind: *kind,
                pattern: WildMatch::new(pattern),
                nodes: WildMatch::new(nodes),
            }),
            _ => Err(GateError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Gate {
    /// Returns why the plan is denied, one sentence for each thing; nothing where it may pass.
    pub fn denials(&self, plan: &Plan) -> Vec<String> {
        if self.kind.is_told_by_nodes() && !plan.basis.knows_nodes() {
            return vec!["it is not known, since no node was asked".to_owned()];
        }
        // The next boot starts all units anew, and disturbs none that run.
        if self.kind.is_about_units() && plan.mode == Mode::Boot {
            return Vec::new();
        }
        let nodes = plan.nodes.iter();
        let nodes = nodes.filter(|node| self.nodes.matches(node.node.as_str()));
        nodes
            .flat_map(|node| {
                let profiles = plan.profiles_of(&node.node);
                let profiles = profiles.flat_map(|profile| self.denials_of_profile(profile));
                self.denial_of_node(node).into_iter().chain(profiles)
            })
            .collect()
    }

    fn denial_of_node(&self, node: &PlannedNode) -> Option<String> {
        let is_denied = node.observed != Observed::Ok
            && self.kind == GateKind::Unreachable
            && self.pattern.matches(node.node.as_str());
        is_denied.then(|| format!("{} could not be read", node.node))
    }

    fn denials_of_profile(&self, profile: &PlannedProfile) -> Vec<String> {
        let place = format!("{}.{}", profile.node, profile.profile);
        let is_meant = self.pattern.matches(profile.profile.as_str());
        let verdict = |kind| {
            let verdicts = profile.verdicts.iter();
            let verdicts = verdicts.filter(|verdict| is_meant && verdict.kind == kind);
            verdicts
                .map(|verdict| format!("{place}: {}", verdict.message))
                .collect()
        };
        match (self.kind, profile.action) {
            (GateKind::Reboot, Action::Update | Action::Create) if profile.closure.is_none() => {
                vec![format!("it is not known whether {place} needs a reboot")]
            }
            (GateKind::Reboot, _) => verdict(VerdictKind::RebootNeeded),
            (GateKind::Drift, _) => verdict(VerdictKind::Drift),
            (GateKind::NoWayBack, _) => verdict(VerdictKind::NoWayBack),
            (GateKind::RollbackOff, _) => verdict(VerdictKind::RollbackOff),
            (GateKind::Create, Action::Create) if is_meant => {
                vec![format!("{place} is deployed for the first time")]
            }
            (GateKind::Unknown, Action::Unknown) if is_meant => {
                vec![format!("{place} has an unknown state")]
            }
            (
                GateKind::Downgrade | GateKind::Removed | GateKind::Added,
                Action::Update | Action::RollBack,
            ) => self.denials_of_packages(profile, &place),
            (kind, Action::Create | Action::Update | Action::RollBack) if kind.is_about_units() => {
                self.denials_of_units(profile, &place)
            }
            _ => Vec::new(),
        }
    }

    fn denials_of_packages(&self, profile: &PlannedProfile, place: &str) -> Vec<String> {
        let Some(closure) = &profile.closure else {
            return vec![format!("it is not known which packages of {place} change")];
        };
        let (kind, words) = match self.kind {
            GateKind::Removed => (PackageChangeKind::Removed, "is removed from"),
            GateKind::Added => (PackageChangeKind::Added, "is added to"),
            _ => (PackageChangeKind::Downgraded, "is older on"),
        };
        let packages = closure.packages.iter();
        packages
            .filter(|change| change.kind == kind && self.pattern.matches(&change.name))
            .map(|change| format!("{} {words} {place}", with_versions(change)))
            .collect()
    }
}

impl Gate {
    fn denials_of_units(&self, profile: &PlannedProfile, place: &str) -> Vec<String> {
        let Some(units) = &profile.units else {
            let is_system = |path: &AbsolutePath| path.as_str() == SYSTEM_PROFILE;
            let may_be_system = profile.profile_path.as_ref().is_none_or(is_system);
            let is_unknown = profile.closure.is_none() || may_be_system;
            let text = format!("it is not known what happens to the units of {place}");
            return is_unknown.then_some(text).into_iter().collect();
        };
        let unseen = units.unseen.iter();
        let unseen = unseen.map(|what| format!("not all units of {place} could be read: {what}"));
        let of = |units: &[UnitChange], whose: &str, active_known: bool| {
            let condition = if active_known { "" } else { ", if it runs" };
            let changes = units.iter();
            let changes = changes.filter(|change| self.pattern.matches(change.unit.as_str()));
            let denied = changes.filter_map(|change| {
                let words = self.kind.unit_words(change.effect)?;
                Some(format!("{whose}{} {words} {place}{condition}", change.unit))
            });
            denied.collect::<Vec<_>>()
        };
        let system = of(&units.system, "", units.active_known);
        let user = of(&units.user, "user unit ", units.user_active_known);
        let denied = system.into_iter().chain(user);
        unseen.chain(denied).collect()
    }
}

impl GateKind {
    fn is_about_units(self) -> bool {
        matches!(self, Self::Restart | Self::Stop | Self::Reload)
    }

    /// Returns what is said of a unit to which this happens, if the gate is about that.
    fn unit_words(self, effect: UnitEffect) -> Option<&'static str> {
        match (self, effect) {
            (Self::Restart, UnitEffect::Restart | UnitEffect::StopStart) => Some("is restarted on"),
            (Self::Stop, UnitEffect::Stop) => Some("is stopped on"),
            (Self::Reload, UnitEffect::Reload) => Some("is reloaded on"),
            (_, UnitEffect::Unknown) => Some("cannot be read on"),
            _ => None,
        }
    }
}

fn with_versions(change: &PackageChange) -> String {
    let sides = [change.before.join(", "), change.after.join(", ")];
    let sides: Vec<String> = sides.into_iter().filter(|side| !side.is_empty()).collect();
    format!("{} {}", change.name, sides.join(" -> "))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Verdict;
    use crate::report::fixtures;

    fn denials(gate: &str, plan: &Plan) -> Vec<String> {
        gate.parse::<Gate>().unwrap().denials(plan)
    }

    #[test]
    fn what_is_denied_is_named() {
        let plan = fixtures::fleet_plan();
        assert_eq!(
            denials("downgrade@mail", &plan),
            ["linux 6.6.31 -> 6.6.30 is older on mail.system"]
        );
        assert_eq!(denials("downgrade", &plan).len(), 13);
        assert_eq!(denials("downgrade:lin?x@web*", &plan).len(), 12);
        assert_eq!(denials("downgrade:openssl", &plan), [""; 0]);
        assert_eq!(denials("unreachable", &plan), ["db1 could not be read"]);
        assert_eq!(denials("unreachable@web*", &plan), [""; 0]);
        assert_eq!(
            denials("unknown:system", &plan),
            ["db1.system has an unknown state"]
        );
        let plan = fixtures::plan();
        assert_eq!(
            denials("removed:wget", &plan),
            ["wget 1.24.5 is removed from web1.system"]
        );
        assert_eq!(
            denials("added:c*", &plan),
            ["curl 8.7.1 is added to web1.system"]
        );
        assert_eq!(
            denials("create", &plan),
            ["web1.\u{fc}bersicht is deployed for the first time"]
        );
    }

    #[test]
    fn what_cannot_be_told_is_denied() {
        let plan = fixtures::unbuilt_plan();
        let words = "it is not known which packages of web1.system change";
        assert!(denials("removed:postgresql*", &plan).contains(&words.to_owned()));
        assert_eq!(
            denials("reboot", &plan)[0],
            "it is not known whether web1.system needs a reboot"
        );
        assert_eq!(denials("create", &plan), [""; 0]);
    }

    #[test]
    fn what_only_nodes_tell_is_denied_where_none_was_asked() {
        let mut plan = fixtures::fleet_plan();
        let flake = plan.flakes[0].clone();
        plan.basis = crate::plan::Basis::Base { flake };
        let words = ["it is not known, since no node was asked"];
        for gate in ["drift", "no-way-back", "unknown", "unreachable@web*"] {
            assert_eq!(denials(gate, &plan), words);
        }
        assert_eq!(denials("removed:wget", &plan), [""; 0]);
    }

    #[test]
    fn what_happens_to_units_is_denied() {
        let mut plan = fixtures::unit_plan();
        let odd = "odd.service cannot be read on web1.system";
        let unseen = "not all units of web1.system could be read: odd.service: it is no text";
        assert_eq!(
            denials("restart:p*", &plan),
            [unseen, "postgresql.service is restarted on web1.system"]
        );
        assert_eq!(
            denials("stop@web*", &plan),
            [unseen, odd, "old.timer is stopped on web1.system"]
        );
        assert_eq!(denials("reload:odd.service", &plan), [unseen, odd]);
        let units = plan.profiles[0].units.as_mut().unwrap();
        units.active_known = false;
        units.unseen.clear();
        assert_eq!(
            denials("restart:nginx.service", &plan),
            ["nginx.service is restarted on web1.system, if it runs"]
        );
        let units = plan.profiles[0].units.as_mut().unwrap();
        units.user = std::mem::take(&mut units.system);
        assert_eq!(
            denials("restart:nginx.service", &plan),
            ["user unit nginx.service is restarted on web1.system, if it runs"]
        );
        plan.profiles[0].units = None;
        assert_eq!(
            denials("stop:nginx.service", &plan),
            ["it is not known what happens to the units of web1.system"]
        );
        plan.mode = Mode::Boot;
        assert_eq!(denials("stop", &plan), [""; 0]);
    }

    #[test]
    fn verdicts_are_denied_by_their_kind() {
        let mut plan = fixtures::fleet_plan();
        let mail = plan
            .profiles
            .iter_mut()
            .find(|profile| profile.node.as_str() == "mail");
        mail.unwrap().verdicts = vec![Verdict {
            kind: VerdictKind::Drift,
            message: "the node runs x".to_owned(),
        }];
        assert_eq!(denials("drift", &plan), ["mail.system: the node runs x"]);
        assert_eq!(denials("drift:other", &plan), [""; 0]);
        assert_eq!(denials("reboot", &plan), [""; 0]);
    }

    #[test]
    fn anything_else_is_no_gate() {
        for text in ["", "x", "removed:", "removed:x@", "@web", "Downgrade", ":x"] {
            let error = text.parse::<Gate>().unwrap_err().to_string();
            assert!(
                error.contains("rollback-off, downgrade, removed"),
                "{error}"
            );
        }
    }
}
