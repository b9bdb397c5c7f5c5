//! From fleet, observations and closures to the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{decide_action, target_generation};
use super::basis::Basis;
use super::closure::ClosurePair;
use super::document::{
    Action, FORMAT_VERSION, Flake, Mode, Observed, Plan, PlannedNode, PlannedProfile, Summary,
    Target,
};
use super::graph::find_circle;
use super::notes::notes_of;
use super::observation::{NodeFacts, NodeObservation, ProfileObservation};
use super::system_parts::SystemParts;
use super::units::UnitsOfProfile;
use super::verdict::Change;
use crate::config::{ConfigError, Fleet, FleetNode, FleetProfile, ProfileLocation, Targets};
use crate::model::{
    AbsolutePath, Generation, NodeName, Operator, ProfileName, ProfileState, RunId, StorePath,
    UserName,
};

/// What a plan says about itself.
#[derive(Debug, Clone)]
pub struct PlanHead {
    /// A random id.
    pub id: RunId,
    /// When it is made, in UTC (RFC 3339).
    pub created_at: String,
    /// Who makes it.
    pub operator: Operator,
    /// What applying does with the profiles.
    pub mode: Mode,
    /// What it is compared with.
    pub basis: Basis,
    /// Whether what changed was built.
    pub built: bool,
    /// The TARGETs that were asked for.
    pub selection: Vec<String>,
    /// Activate also what is unchanged.
    pub force: bool,
}

/// One flake's share of a plan.
#[derive(Debug, Clone)]
pub struct PlannedFleet {
    /// The flake.
    pub flake: Flake,
    /// Its selected nodes.
    pub fleet: Fleet,
    /// What its profiles shall be.
    pub targets: Targets,
}

/// Everything that a plan is made of.
#[derive(Debug)]
pub struct PlanInput {
    /// What the plan says about itself.
    pub head: PlanHead,
    /// The flakes, in the order of the TARGETs.
    pub fleets: Vec<PlannedFleet>,
    /// What was read on the nodes.
    pub observations: BTreeMap<NodeName, NodeObservation>,
    /// The generations that profiles go back to; a profile without one gets its target set.
    pub generations: BTreeMap<(NodeName, ProfileName), Generation>,
    /// The closures that could be read.
    pub closures: BTreeMap<(NodeName, ProfileName), ClosurePair>,
    /// The units of profiles that are systems or homes, as far as they could be read.
    pub units: BTreeMap<(NodeName, ProfileName), UnitsOfProfile>,
    /// The parts of those targets that are systems, as far as they were built.
    pub systems: BTreeMap<StorePath, SystemParts>,
}

/// Returns the plan, whose text depends on its input only.
pub fn build_plan(input: &PlanInput) -> Result<Plan, ConfigError> {
    let mut nodes = Vec::new();
    let mut profiles = Vec::new();
    let mut warnings = Vec::new();
    let selected = selected_names(input);
    for (flake, planned) in input.fleets.iter().enumerate() {
        warnings.extend(planned.fleet.warnings.iter().cloned());
        for node in &planned.fleet.nodes {
            let observation = input.observations.get(&node.name);
            let planned_profiles = plan_profiles(input, planned, node, observation);
            nodes.push(plan_node(
                flake,
                node,
                observation,
                &selected,
                &planned_profiles,
            ));
            profiles.extend(planned_profiles);
        }
    }
    check_twice(&nodes, &input.fleets)?;
    check_circle(&nodes)?;
    let mut plan = Plan {
        format_version: FORMAT_VERSION,
        deploy_version: env!("CARGO_PKG_VERSION").to_owned(),
        digest: String::new(),
        id: input.head.id.clone(),
        created_at: input.head.created_at.clone(),
        operator: input.head.operator.clone(),
        mode: input.head.mode,
        basis: input.head.basis.clone(),
        built: input.head.built,
        flakes: input
            .fleets
            .iter()
            .map(|planned| planned.flake.clone())
            .collect(),
        selection: input.head.selection.clone(),
        steps: Vec::new(),
        summary: Summary::default(),
        nodes,
        profiles,
        warnings,
    };
    plan.complete();
    Ok(plan)
}

fn selected_names(input: &PlanInput) -> BTreeSet<&NodeName> {
    input
        .fleets
        .iter()
        .flat_map(|planned| &planned.fleet.nodes)
        .map(|node| &node.name)
        .collect()
}

fn plan_node(
    flake: usize,
    node: &FleetNode,
    observation: Option<&NodeObservation>,
    selected: &BTreeSet<&NodeName>,
    profiles: &[PlannedProfile],
) -> PlannedNode {
    let (observed, error) = Observed::of(observation);
    let facts = match observation {
        Some(NodeObservation::Ok(facts)) => Some(facts.as_ref()),
        _ => None,
    };
    let not_selected = node
        .depends_on
        .iter()
        .filter(|other| !selected.contains(other));
    let mut notes: Vec<String> = not_selected
        .map(|other| format!("depends on {other}, which is not selected: nothing waits for it"))
        .collect();
    notes.extend(
        facts
            .into_iter()
            .flat_map(|facts| notes_of(facts, profiles)),
    );
    PlannedNode {
        node: node.name.clone(),
        flake,
        hostname: node.hostname.clone(),
        observed,
        error,
        system: facts.and_then(|facts| facts.system.clone()),
        nix_folder: facts.and_then(NodeFacts::hidden_nix),
        depends_on: node.depends_on.clone(),
        notes,
    }
}

impl Observed {
    /// Returns whether a node could be read, and why not.
    pub(super) fn of(observation: Option<&NodeObservation>) -> (Self, Option<String>) {
        match observation {
            Some(NodeObservation::Ok(_)) => (Self::Ok, None),
            Some(NodeObservation::Unreachable { reason }) => {
                (Self::Unreachable, Some(reason.clone()))
            }
            Some(NodeObservation::Failed { reason }) => (Self::Failed, Some(reason.clone())),
            None => (Self::Failed, Some("it was not read".to_owned())),
        }
    }
}

fn plan_profiles(
    input: &PlanInput,
    planned: &PlannedFleet,
    node: &FleetNode,
    observation: Option<&NodeObservation>,
) -> Vec<PlannedProfile> {
    let facts = match observation {
        Some(NodeObservation::Ok(facts)) => Some(facts),
        _ => None,
    };
    let plan = |profile: &FleetProfile| {
        let key = (node.name.clone(), profile.name.clone());
        let target = planned.targets.get(&key)?;
        let observed = facts.and_then(|facts| facts.profiles.get(&profile.name));
        let unknown = || ProfileState::Unknown {
            reason: "the node could not be read".to_owned(),
        };
        let current = observed.map_or_else(unknown, |observed| observed.state.clone());
        let at_work = observed.is_some_and(ProfileObservation::is_at_work);
        let (action, generation) = match input.generations.get(&key) {
            Some(generation) => (Action::RollBack, Some(*generation)),
            None => (
                decide_action(&current, &target.path, input.head.force, at_work),
                observed
                    .filter(|_| input.head.basis.knows_nodes())
                    .and_then(|observed| target_generation(observed, &target.path)),
            ),
        };
        let closure = input.closures.get(&key).map(ClosurePair::compare);
        // The next boot starts everything anew.
        let units = input
            .units
            .get(&key)
            .filter(|_| input.head.mode != Mode::Boot);
        let verdicts = facts.zip(observed).map(|(facts, observed)| {
            let change = Change {
                action,
                settings: &profile.settings,
                closure: closure.as_ref(),
                facts,
                observed,
                target: input.systems.get(&target.path),
            };
            change.verdicts()
        });
        Some(PlannedProfile {
            node: node.name.clone(),
            profile: profile.name.clone(),
            profile_path: known_path(profile, observed.filter(|_| input.head.basis.knows_nodes())),
            user: profile.user.clone(),
            connection: profile.connection.clone(),
            settings: profile.settings.clone(),
            action,
            current,
            target: Target {
                path: target.path.clone(),
                drv_path: target.drv_path.clone(),
                generation,
            },
            closure,
            units: units.map(UnitsOfProfile::changes),
            verdicts: verdicts.unwrap_or_default(),
        })
    };
    node.profiles.iter().filter_map(plan).collect()
}

fn known_path(
    profile: &FleetProfile,
    observed: Option<&ProfileObservation>,
) -> Option<AbsolutePath> {
    match (observed, &profile.location) {
        (Some(observed), _) => Some(observed.profile_path.clone()),
        (None, ProfileLocation::Path(path)) => Some(path.clone()),
        (None, ProfileLocation::UserFolder) => root_profile(&profile.user, &profile.name),
    }
}

/// Returns where a profile of root lies, which is the same on every node, as in deploy-rs.
pub(crate) fn root_profile(user: &UserName, profile: &ProfileName) -> Option<AbsolutePath> {
    let folder = match (user.as_str(), profile.as_str()) {
        ("root", "system") => "/nix/var/nix/profiles",
        ("root", _) => "/nix/var/nix/profiles/per-user/root",
        _ => return None,
    };
    format!("{folder}/{profile}").parse().ok()
}

fn check_twice(nodes: &[PlannedNode], fleets: &[PlannedFleet]) -> Result<(), ConfigError> {
    let mut flakes = BTreeMap::new();
    for node in nodes {
        if let Some(other) = flakes.insert(&node.node, node.flake) {
            let urls = [other, node.flake].map(|flake| fleets[flake].flake.url.as_str());
            return Err(ConfigError::NodeTwice {
                node: node.node.to_string(),
                flakes: urls.join(", "),
            });
        }
    }
    Ok(())
}

fn check_circle(nodes: &[PlannedNode]) -> Result<(), ConfigError> {
    let waits_for = nodes
        .iter()
        .map(|node| (&node.node, node.depends_on.iter().collect()))
        .collect();
    match find_circle(&waits_for) {
        None => Ok(()),
        Some(mut members) => {
            members.sort();
            let members: Vec<_> = members.iter().map(ToString::to_string).collect();
            Err(ConfigError::Cycle {
                members: members.join(", "),
            })
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::{Connection, OnDegraded, ProfileSettings};
    use crate::plan::{OriginKind, StepGraph, StepKind, parse_plan, render_plan};

    fn store_path(name: &str) -> StorePath {
        format!("/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-{name}")
            .parse()
            .unwrap()
    }

    pub(in crate::plan) fn settings() -> ProfileSettings {
        ProfileSettings {
            fast_connection: false,
            auto_rollback: true,
            magic_rollback: true,
            temp_path: None,
            sudo: None,
            interactive_sudo: false,
            remote_build: false,
            activation_timeout: None,
            confirm_timeout: 30,
            on_degraded: OnDegraded::Rollback,
            confirm_connection: None,
        }
    }

    fn profile(name: &str) -> FleetProfile {
        FleetProfile {
            name: name.parse().unwrap(),
            user: "root".parse().unwrap(),
            connection: Connection {
                ssh_user: "root".parse().unwrap(),
                hostname: "h".parse().unwrap(),
                ssh_opts: vec![],
                local: false,
            },
            location: ProfileLocation::UserFolder,
            settings: settings(),
        }
    }

    fn node(name: &str, profiles: &[&str], depends_on: &[&str]) -> FleetNode {
        FleetNode {
            name: name.parse().unwrap(),
            hostname: "h".parse().unwrap(),
            depends_on: depends_on
                .iter()
                .map(|name| name.parse().unwrap())
                .collect(),
            profiles: profiles.iter().map(|name| profile(name)).collect(),
        }
    }

    /// A node whose profiles are at generation 1 with the path `old`.
    fn facts(node: &FleetNode) -> NodeObservation {
        let observe = |profile: &FleetProfile| {
            let observation = ProfileObservation {
                profile_path: format!("/p/{}", profile.name).parse().unwrap(),
                state: ProfileState::Present {
                    generation: Some(Generation(1)),
                    path: Some(store_path("old")),
                    highest_generation: Some(Generation(1)),
                },
                newest: Some((Generation(1), Some(store_path("old")))),
                generations: vec![],
                journal: crate::plan::ObservedJournal::None,
                lock: crate::plan::ObservedLock::Free,
                sudo_allowed: None,
                active_units: None,
            };
            (profile.name.clone(), observation)
        };
        let profiles = node.profiles.iter().map(observe).collect();
        NodeObservation::Ok(Box::new(NodeFacts {
            profiles,
            ..NodeFacts::default()
        }))
    }

    fn input(nodes: Vec<FleetNode>) -> PlanInput {
        let mut targets = Targets::new();
        for node in &nodes {
            for profile in &node.profiles {
                let path = store_path(&format!("new-{}", profile.name));
                let drv_path = Some(store_path(&format!("new-{}.drv", profile.name)));
                let key = (node.name.clone(), profile.name.clone());
                targets.insert(key, crate::config::TargetPath { path, drv_path });
            }
        }
        let flake = Flake {
            kind: OriginKind::Flake,
            url: ".".into(),
            locked: "path:/x".into(),
            nar_hash: None,
            dirty: false,
            nix_args: vec![],
        };
        let observations = nodes
            .iter()
            .map(|node| (node.name.clone(), facts(node)))
            .collect();
        let fleet = Fleet {
            nodes,
            node_names: vec![],
            warnings: vec![],
        };
        PlanInput {
            head: PlanHead {
                mode: Mode::Switch,
                basis: Basis::Nodes,
                id: RunId::from_bytes([7; 16]),
                created_at: "2026-01-01T00:00:00Z".into(),
                operator: Operator {
                    user: "me".into(),
                    host: "here".into(),
                },
                built: true,
                selection: vec![".".into()],
                force: false,
            },
            fleets: vec![PlannedFleet {
                flake,
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

    /// A plan of two nodes, for tests of other modules.
    pub(crate) fn test_plan() -> Plan {
        build_plan(&input(vec![
            node("a", &["system", "app"], &[]),
            node("b", &["system"], &["a"]),
        ]))
        .unwrap()
    }

    #[test]
    fn steps_stand_in_the_order_in_which_they_run() {
        let plan = test_plan();
        let ids: Vec<_> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "build:00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-new-app.drv",
                "build:00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-new-system.drv",
                "copy:a",
                "copy:b",
                "barrier",
                "activate:a.system",
                "activate:a.app",
                "activate:b.system",
            ]
        );
        let last = plan.steps.last().unwrap();
        let depends_on: Vec<_> = last
            .depends_on
            .iter()
            .map(super::super::StepId::as_str)
            .collect();
        assert_eq!(depends_on, ["barrier", "copy:b", "activate:a.app"]);
        assert!(StepGraph::new(&plan.steps).is_ok());
        assert_eq!(plan.summary.update, 3);
    }

    #[test]
    fn a_node_that_builds_itself_has_builds_of_its_own() {
        let mut there = node("b", &["system"], &[]);
        there.profiles[0].settings.remote_build = true;
        let plan = build_plan(&input(vec![node("a", &["system"], &[]), there])).unwrap();
        let build = "build:00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-new-system.drv";
        let waits: Vec<_> = plan
            .steps
            .iter()
            .map(|step| (step.id.as_str(), step.depends_on.len()))
            .collect();
        let on_node = format!("{build}@b");
        assert_eq!(waits[..2], [(build, 0), (on_node.as_str(), 0)]);
        let needs = |id: &str| {
            let step = plan.steps.iter().find(|step| step.id.as_str() == id);
            let ids = step.unwrap().depends_on.iter();
            ids.map(super::super::StepId::as_str).collect::<Vec<_>>()
        };
        assert_eq!(needs("copy:a"), [build]);
        assert_eq!(needs("copy:b"), [&on_node]);
        assert_eq!(needs("barrier"), [build, &on_node]);
        let is_noted = |note: &String| note.ends_with("known only then: system");
        let noted: Vec<_> = plan
            .nodes
            .iter()
            .map(|node| node.notes.iter().any(is_noted))
            .collect();
        assert_eq!(noted, [false, true]);
    }

    #[test]
    fn dependencies_are_ordered_whatever_their_names() {
        let nodes = vec![
            node("a", &["p"], &["c"]),
            node("b", &["p"], &[]),
            node("c", &["p"], &["b"]),
        ];
        let plan = build_plan(&input(nodes)).unwrap();
        let order: Vec<_> = plan
            .steps
            .iter()
            .filter(|step| step.kind == StepKind::Activate)
            .map(|step| step.id.as_str())
            .collect();
        assert_eq!(order, ["activate:b.p", "activate:c.p", "activate:a.p"]);
    }

    #[test]
    fn a_circle_is_refused_with_its_members() {
        let nodes = vec![
            node("a", &["p"], &["b"]),
            node("b", &["p"], &["a"]),
            node("c", &["p"], &[]),
        ];
        let error = build_plan(&input(nodes)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nodes depend on each other in a circle: a, b"
        );
    }

    #[test]
    fn a_node_that_was_not_read_gets_no_steps() {
        let mut input = input(vec![node("a", &["p"], &[]), node("b", &["p"], &[])]);
        let down = NodeObservation::Unreachable {
            reason: "down".into(),
        };
        input.observations.insert("b".parse().unwrap(), down);
        let plan = build_plan(&input).unwrap();
        assert!(
            plan.steps
                .iter()
                .all(|step| step.node.as_ref().is_none_or(|node| node.as_str() == "a"))
        );
        assert_eq!(plan.summary.unreadable_nodes, 1);
        assert!(plan.has_changes());
    }

    #[test]
    fn a_plan_reads_back_and_edits_are_noticed() {
        let plan = test_plan();
        let text = render_plan(&plan);
        assert_eq!(parse_plan(text.as_bytes()).unwrap(), plan);
        for (from, to) in [
            ("\"confirm_timeout\": 30", "\"confirm_timeout\": 31"),
            ("\"format_version\": 1", "\"format_version\": 2"),
            ("\"mode\"", "\"mood\""),
            ("}\n", ""),
        ] {
            assert!(
                parse_plan(text.replace(from, to).as_bytes()).is_err(),
                "{from}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn any_prefix_of_a_plan_is_refused(cut in 0.0..1.0f64) {
            // Without the line end at its end, it is whole.
            let text = render_plan(&test_plan());
            let text = text.trim_end();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a position in a text")]
            let end = (text.len() as f64 * cut) as usize;
            proptest::prop_assert!(parse_plan(&text.as_bytes()[..end]).is_err());
        }
    }
}
