//! All that is wrong with a fleet at once, where a plan would stop at the first.

use std::collections::{BTreeMap, BTreeSet};

use super::check::suggestion;
use super::finding::Finding;
use super::kind::Misfit;
use super::no_effect::without_effect;
use super::options::{self, FlakeOption};
use super::parse::parse_fleet;
use super::parse_context::ParseContext;
use super::raw::{Described, RawNode, RawSettings};
use super::suggest::nearest;
use crate::model::quoted;

/// Options of one level, as Nix described them.
pub(super) type Options = BTreeMap<String, Described>;

/// Returns what is wrong with the selected part of a fleet.
pub fn find_problems(raw: &RawSettings, context: &ParseContext<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    check_level(
        &mut findings,
        "deploy",
        (&raw.fleet.options, &raw.fleet.unknown),
        &options::FLEET,
    );
    for (name, node) in &raw.nodes {
        check_node(&mut findings, name, node, raw);
    }
    let circle = circle(raw);
    if !circle.is_empty() {
        let message = format!(
            "nodes depend on each other in a circle: {}",
            circle.join(", ")
        );
        findings.push(
            Finding::error("cycle", "deploy.nodes", message)
                .help("remove one of these names from a `dependsOn`"),
        );
    }
    findings.extend(without_effect(raw, context.login));
    let has_errors = findings
        .iter()
        .any(|one| one.severity == super::Severity::Error);
    // What a plan refuses never passes, whether it is looked for here or not.
    match parse_fleet(raw, context) {
        Err(error) if !has_errors => {
            let help = miette::Diagnostic::help(&error).map(|help| help.to_string());
            let finding = Finding::error("refused", "deploy", error.to_string());
            findings.push(Finding { help, ..finding });
        }
        _ => {}
    }
    findings.sort_by(|left, right| left.place.cmp(&right.place));
    findings
}

fn check_node(findings: &mut Vec<Finding>, name: &str, node: &RawNode, raw: &RawSettings) {
    let place = format!("deploy.nodes.{}", quoted(name));
    let given = (&node.options, node.unknown.as_slice());
    check_level(findings, &place, given, &options::NODE);
    if !is_given(&node.options, "hostname") && node.r#type == "set" {
        findings.push(missing(&place, "hostname", "the host name or address"));
    }
    if node.profile_names.is_empty() && node.profiles_type.as_deref() == Some("set") {
        let message = format!("`{place}` has no profiles, so that nothing is ever deployed to it");
        findings.push(Finding::warning("no_profiles", &place, message));
    }
    let known_profiles = &node.profile_names;
    check_names(
        findings,
        (&place, "profilesOrder"),
        &node.options,
        known_profiles,
    );
    check_names(
        findings,
        (&place, "dependsOn"),
        &node.options,
        &raw.node_names,
    );
    for (name, profile) in &node.profiles {
        let place = format!("{place}.profiles.{}", quoted(name));
        let given = (&profile.options, profile.unknown.as_slice());
        check_level(findings, &place, given, &options::PROFILE);
        if profile.has_path == Some(false) {
            findings.push(missing(&place, "path", "a derivation with an activation"));
        }
        let levels = [&profile.options, &node.options, &raw.fleet.options];
        if !["user", "sshUser"]
            .iter()
            .any(|option| levels.iter().any(|level| is_given(level, option)))
        {
            let message = format!("`{place}` has neither `user` nor `sshUser`");
            findings.push(Finding::error("no_user", &place, message).help(
                "set `user` to the one that the profile belongs to, such as \"root\" for a NixOS system",
            ));
        }
    }
}

fn check_level(
    findings: &mut Vec<Finding>,
    place: &str,
    (given, unknown): (&Options, &[String]),
    own: &'static [FlakeOption],
) {
    for option in options::at(own) {
        let Some(misfit) = given
            .get(option.name)
            .and_then(|described| option.kind.misfit(described))
        else {
            continue;
        };
        let at = format!("{place}.{}", option.name);
        findings.push(match misfit {
            Misfit::Type { expected } => {
                let found = given[option.name].found();
                let message = format!("`{at}` is {found}, but must be {expected}");
                Finding::error("wrong_type", at, message)
            }
            Misfit::Text(reason) => {
                let message = format!("`{at}` cannot be used: {reason}");
                Finding::error("bad_value", at, message)
            }
        });
    }
    for name in unknown {
        let message = format!("`{place}` has an unknown option `{name}`, which has no effect");
        let finding = Finding::error("unknown_option", format!("{place}.{name}"), message);
        let known = options::known(own);
        findings.push(match nearest(name, known) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help("remove it, or move it out of `deploy`"),
        });
    }
}

/// Checks a list of names of nodes or profiles.
fn check_names(
    findings: &mut Vec<Finding>,
    (place, option): (&str, &str),
    given: &Options,
    known: &[String],
) {
    let at = format!("{place}.{option}");
    let mut seen = BTreeSet::new();
    for name in listed(Some(given), option) {
        if !known.iter().any(|one| one == name) {
            let message = format!("`{at}` names `{name}`, which does not exist");
            let finding = Finding::error("unknown_reference", &at, message);
            findings.push(finding.help(suggestion(name, known)));
        }
        if !seen.insert(name) {
            let message = format!("`{at}` names `{name}` twice");
            findings.push(Finding::warning("named_twice", &at, message));
        }
    }
}

/// Returns the nodes that come, by way of others, before themselves.
fn circle(raw: &RawSettings) -> Vec<&str> {
    let names = raw.nodes.keys().map(String::as_str);
    names.filter(|name| waits_for_itself(name, raw)).collect()
}

fn waits_for_itself(node: &str, raw: &RawSettings) -> bool {
    let (mut seen, mut rest) = (BTreeSet::new(), vec![node]);
    while let Some(name) = rest.pop() {
        for earlier in listed(raw.nodes.get(name).map(|node| &node.options), "dependsOn") {
            if earlier == node {
                return true;
            }
            if seen.insert(earlier) {
                rest.push(earlier);
            }
        }
    }
    false
}

/// Returns the texts of a list.
fn listed<'a>(given: Option<&'a Options>, option: &str) -> impl Iterator<Item = &'a str> {
    let list = given.and_then(|given| given.get(option)?.value.as_array());
    list.into_iter().flatten().filter_map(|text| text.as_str())
}

/// Null stands for an option that is not given.
pub(super) fn is_given(given: &Options, option: &str) -> bool {
    given.get(option).is_some_and(|one| one.r#type != "null")
}

fn missing(place: &str, option: &str, what: &str) -> Finding {
    let message = format!("`{place}` has no `{option}`");
    Finding::error("missing_option", place, message)
        .help(format!("add `{place}.{option} = …;`, {what}"))
}
