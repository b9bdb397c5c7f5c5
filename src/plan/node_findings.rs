//! What `deploy check --nodes` finds on the nodes of a fleet: whether they can be read, and whether
//! there is something to go back to.

use std::collections::BTreeMap;

use super::observation::{NodeObservation, ProfileObservation};
use super::rollback::{NoWayBack, way_back};
use super::verdict::no_way_back;
use crate::config::{Finding, Fleet};
use crate::model::{GenerationContent, NodeName, quoted};

/// Returns what is wrong on the nodes that were read.
pub fn node_findings(
    fleet: &Fleet,
    observations: &BTreeMap<NodeName, NodeObservation>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in &fleet.nodes {
        let place = format!("deploy.nodes.{}", quoted(node.name.as_str()));
        let facts = match observations.get(&node.name) {
            None => continue,
            Some(NodeObservation::Ok(facts)) => facts,
            Some(NodeObservation::Unreachable { reason } | NodeObservation::Failed { reason }) => {
                findings.push(not_read(place, &node.name, reason));
                continue;
            }
        };
        for profile in &node.profiles {
            let place = format!("{place}.profiles.{}", quoted(profile.name.as_str()));
            if let Some(observed) = facts.profiles.get(&profile.name) {
                let name = format!("{}.{}", node.name, profile.name);
                findings.extend(profile_findings(&place, &name, observed));
            }
        }
    }
    findings
}

fn not_read(place: String, node: &NodeName, reason: &str) -> Finding {
    let message = format!("{node} could not be read: {reason}");
    Finding::warning("not_read", place, message)
        .help("mend the connection, or leave the node out with --exclude")
}

fn profile_findings(place: &str, name: &str, observed: &ProfileObservation) -> Vec<Finding> {
    let current = no_way_back(observed).map(|message| {
        let message = format!("{name}: {message}");
        Finding::warning("no_way_back", place, message)
            .help("until a deployment has succeeded, nothing activates it should one fail")
    });
    let previous = match way_back(observed, None) {
        Err(reason @ (NoWayBack::Gone { .. } | NoWayBack::WithoutProgram { .. })) => {
            let message = format!("{name} cannot go back to the generation before: {reason}");
            let finding = Finding::warning("previous_generation", place, message);
            Some(finding.help(other_ways(observed)))
        }
        _ => None,
    };
    current.into_iter().chain(previous).collect()
}

/// Says which generations are left to go back to.
fn other_ways(observed: &ProfileObservation) -> String {
    let others = observed.generations.iter().filter(|generation| {
        generation.content == GenerationContent::Activatable
            && Some(generation.number) != observed.state.generation()
    });
    let numbers: Vec<String> = others
        .map(|generation| generation.number.to_string())
        .collect();
    if numbers.is_empty() {
        "there is no other generation to go back to".to_owned()
    } else {
        format!("`deploy rollback --to` takes: {}", numbers.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Generation, ObservedGeneration, ProfileState, StorePath};
    use crate::plan::{ObservedJournal, ObservedLock};

    fn observed(contents: &[GenerationContent]) -> ProfileObservation {
        let path: StorePath = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a"
            .parse()
            .unwrap();
        let generations = (1..).zip(contents);
        let newest = Generation(contents.len() as u64);
        ProfileObservation {
            profile_path: "/nix/var/nix/profiles/system".parse().unwrap(),
            state: ProfileState::Present {
                generation: Some(newest),
                path: Some(path.clone()),
                highest_generation: Some(newest),
            },
            newest: Some((newest, Some(path.clone()))),
            generations: generations
                .map(|(number, content)| ObservedGeneration {
                    number: Generation(number),
                    path: Some(path.clone()),
                    made: None,
                    content: *content,
                })
                .collect(),
            journal: ObservedJournal::None,
            lock: ObservedLock::Free,
            sudo_allowed: None,
            active_units: None,
        }
    }

    #[test]
    fn what_cannot_be_activated_again_is_found_and_what_can_is_named() {
        use GenerationContent::{Activatable, Gone, WithoutProgram};
        let found = |contents: &[GenerationContent]| {
            let findings = profile_findings("p", "web1.system", &observed(contents));
            let texts = findings.into_iter();
            texts
                .map(|finding| (finding.code, finding.help.unwrap_or_default()))
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&[Activatable]), []);
        assert_eq!(found(&[Gone, Activatable, Activatable]), []);
        let before = found(&[Activatable, WithoutProgram, Activatable]);
        assert_eq!(
            before,
            [(
                "previous_generation",
                "`deploy rollback --to` takes: 1".to_owned()
            )]
        );
        let both = found(&[Gone, WithoutProgram]);
        assert_eq!(
            both.iter().map(|(code, _)| *code).collect::<Vec<_>>(),
            ["no_way_back", "previous_generation"]
        );
        assert!(both[1].1.contains("no other generation"), "{both:?}");
    }
}
