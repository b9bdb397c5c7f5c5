//! The fleet, as Nix and the nodes would tell it.

use std::collections::BTreeMap;

use deploy::config::{Evaluation, Origin, ParseContext, Selection, parse_fleet, parse_targets};
use deploy::model::{FlagSettings, Generation, Operator, ProfileState, RunId};
use deploy::plan::{
    Basis, Flake, Mode, NodeFacts, NodeObservation, ObservedJournal, ObservedLock, PlanHead,
    PlanInput, PlannedFleet, ProfileObservation,
};
use serde_json::{Map, Value, json};

use super::NODES;

pub(crate) const PROFILES: [&str; 3] = ["app", "monitor", "system"];

/// Returns everything that the plan is made of.
pub(crate) fn input() -> PlanInput {
    let origin = Origin::Flake(".".to_owned());
    let selection = Selection {
        origin,
        nodes: None,
        excluded: BTreeMap::new(),
    };
    let evaluation: Evaluation = serde_json::from_value(evaluation()).unwrap();
    let context = ParseContext {
        selection: &selection,
        flags: &FlagSettings::default(),
        login: &"bench".parse().unwrap(),
    };
    let fleet = parse_fleet(&evaluation.settings, &context).unwrap();
    let targets = parse_targets(&evaluation, &selection.origin).unwrap();
    let nodes = fleet.nodes.iter();
    let observations = nodes
        .map(|node| (node.name.clone(), observation()))
        .collect();
    PlanInput {
        head: head(),
        fleets: vec![PlannedFleet {
            flake: Flake {
                kind: deploy::plan::OriginKind::Flake,
                url: ".".to_owned(),
                locked: "git+file:///fleet?rev=b5".to_owned(),
                nar_hash: None,
                dirty: false,
                nix_args: Vec::new(),
            },
            fleet,
            targets,
        }],
        observations,
        generations: BTreeMap::new(),
        closures: BTreeMap::new(),
        units: BTreeMap::new(),
        systems: BTreeMap::new(),
    }
}

fn head() -> PlanHead {
    PlanHead {
        id: RunId::from_bytes([2; 16]),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        operator: Operator {
            user: "bench".to_owned(),
            host: "here".to_owned(),
        },
        mode: Mode::Switch,
        basis: Basis::Nodes,
        built: true,
        selection: vec![".".to_owned()],
        force: false,
    }
}

fn evaluation() -> Value {
    let names: Vec<String> = (0..NODES)
        .map(|number| format!("node{number:05}"))
        .collect();
    let level = |options: Value| json!({"type": "set", "options": options, "unknown": []});
    let node = |name: &String| {
        let profiles = PROFILES.map(|profile| (profile.to_owned(), level(json!({}))));
        let node = json!({
            "type": "set",
            "options": {
                "hostname": {"type": "string", "value": name},
                "sshUser": {"type": "string", "value": "root"},
            },
            "unknown": [],
            "profilesType": "set",
            "profileNames": PROFILES,
            "profiles": Map::from_iter(profiles),
        });
        (name.clone(), node)
    };
    let targets = |(number, name): (usize, &String)| {
        let target = |(place, profile): (usize, &str)| {
            let path = format!(
                "/nix/store/{:032}-{profile}-2",
                number * PROFILES.len() + place
            );
            let target =
                json!({"type": "set", "storePath": path, "drvPath": null, "derivations": []});
            (profile.to_owned(), target)
        };
        let targets: Map<_, _> = PROFILES.into_iter().enumerate().map(target).collect();
        (name.clone(), Value::Object(targets))
    };
    json!({
        "settings": {
            "fleet": level(json!({})),
            "nodesType": "set",
            "nodeNames": names,
            "nodes": names.iter().map(node).collect::<Map<_, _>>(),
        },
        "share": names,
        "targets": names.iter().enumerate().map(targets).collect::<Map<_, _>>(),
    })
}

/// Every profile has a generation, and none is at its target.
fn observation() -> NodeObservation {
    let profile = |profile: &str| {
        let path = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-before"
            .parse()
            .ok();
        let observed = ProfileObservation {
            profile_path: format!("/nix/var/nix/profiles/{profile}").parse().unwrap(),
            state: ProfileState::Present {
                generation: Some(Generation(1)),
                path: path.clone(),
                highest_generation: Some(Generation(1)),
            },
            newest: Some((Generation(1), path)),
            generations: Vec::new(),
            journal: ObservedJournal::None,
            lock: ObservedLock::Free,
            sudo_allowed: None,
            active_units: None,
        };
        (profile.parse().unwrap(), observed)
    };
    NodeObservation::Ok(Box::new(NodeFacts {
        system: Some("x86_64-linux".to_owned()),
        profiles: PROFILES.into_iter().map(profile).collect(),
        ..NodeFacts::default()
    }))
}
