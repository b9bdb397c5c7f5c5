//! Options that are there and change nothing.

use super::finding::Finding;
use super::findings::{Options, is_given};
use super::options;
use super::raw::RawSettings;
use crate::model::{UserName, quoted};

/// What is in force for one profile: its own options, its node's, its fleet's.
struct Levels<'a> {
    options: [&'a Options; 3],
    login: &'a UserName,
}

impl<'a> Levels<'a> {
    fn value(&self, option: &str) -> Option<&'a serde_json::Value> {
        let mut levels = self.options.iter();
        let level = levels.find(|level| is_given(level, option))?;
        Some(&level[option].value)
    }

    fn text(&self, option: &str) -> Option<&'a str> {
        self.value(option)?.as_str()
    }

    fn is(&self, option: &str, wanted: bool) -> bool {
        self.value(option).and_then(serde_json::Value::as_bool) == Some(wanted)
    }

    /// Returns why an option changes nothing for this profile.
    fn idle(&self, option: &str) -> Option<&'static str> {
        let login = self.text("sshUser").unwrap_or(self.login.as_str());
        let user = self.text("user").unwrap_or(login);
        match option {
            "confirmTimeout" | "tempPath" if self.is("magicRollback", false) => {
                Some("`magicRollback` is off, so that no confirmation is waited for")
            }
            "sudo" if user == login => Some("`user` is `sshUser`, so that sudo is not used"),
            "interactiveSudo" if user == login && self.is(option, true) => {
                Some("`user` is `sshUser`, so that sudo is not used")
            }
            "fastConnection" if self.is(option, true) && self.is("remoteBuild", true) => {
                Some("`remoteBuild` is on, so that nothing that is built is copied from here")
            }
            _ => None,
        }
    }
}

/// Returns a warning for each option that has no effect on any selected profile below it.
pub(super) fn without_effect(raw: &RawSettings, login: &UserName) -> Vec<Finding> {
    let fleet = &raw.fleet.options;
    let mut findings = Vec::new();
    let mut all = Vec::new();
    for (name, node) in &raw.nodes {
        let place = format!("deploy.nodes.{}", quoted(name));
        let of_profile = |profile| Levels {
            options: [profile, &node.options, fleet],
            login,
        };
        let mut below = Vec::new();
        for (name, profile) in &node.profiles {
            let place = format!("{place}.profiles.{}", quoted(name));
            let levels = of_profile(&profile.options);
            findings.extend(of_level(&place, 0, &[levels]));
            below.push(of_profile(&profile.options));
        }
        findings.extend(of_level(&place, 1, &below));
        all.extend(below);
    }
    findings.extend(of_level("deploy", 2, &all));
    findings
}

/// Returns the warnings for one level: 0 is the profile, 1 the node, 2 the fleet.
fn of_level(place: &str, level: usize, below: &[Levels<'_>]) -> Vec<Finding> {
    let Some(first) = below.first() else {
        return Vec::new();
    };
    let given = |name: &&str| is_given(first.options[level], name);
    let names = options::GENERIC.iter().map(|option| option.name);
    names
        .filter(given)
        .filter_map(|name| {
            let reason = reason(name, level, below)?;
            let at = format!("{place}.{name}");
            let message = format!("`{at}` has no effect: {reason}");
            Some(Finding::warning("no_effect", at, message).help("remove it"))
        })
        .collect()
}

fn reason(name: &str, level: usize, below: &[Levels<'_>]) -> Option<&'static str> {
    // Those of all levels are appended.
    if ["sshOpts", "confirmSshOpts"].contains(&name) {
        return None;
    }
    let is_nearest = |levels: &&Levels<'_>| {
        let nearer = &levels.options[..level];
        !nearer.iter().any(|options| is_given(options, name))
    };
    let reached: Vec<_> = below.iter().filter(is_nearest).collect();
    if reached.is_empty() {
        return Some("everything below sets its own");
    }
    let mut reasons = reached.iter().map(|levels| levels.idle(name));
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then_some(first)
}
