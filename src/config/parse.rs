//! From what Nix printed to the checked fleet.

use std::collections::BTreeMap;

use super::check::{check_name, check_selection, check_set, names, unknown_options};
use super::error::ConfigError;
use super::fleet::{Fleet, FleetNode, FleetProfile};
use super::options;
use super::origin::Origin;
use super::parse_context::ParseContext;
use super::profile::parse_profile;
use super::raw::{Level, RawNode, RawSettings};
use super::reader::Reader;
use crate::model::{HostName, NodeName, Settings, quoted};

/// Returns the checked fleet that these settings describe.
pub fn parse_fleet(raw: &RawSettings, context: &ParseContext<'_>) -> Result<Fleet, ConfigError> {
    let origin = &context.selection.origin;
    check_set(origin, "deploy", Some(&raw.fleet.r#type))?;
    check_set(origin, "deploy.nodes", raw.nodes_type.as_deref())?;
    check_selection(raw, context.selection)?;
    let mut warnings = unknown_options(
        "deploy",
        &raw.fleet.unknown,
        &options::known(&options::FLEET),
    );
    let fleet = Reader {
        origin,
        place: "deploy".to_owned(),
        options: &raw.fleet.options,
    }
    .settings()?;
    let mut nodes = Vec::new();
    for (name, node) in &raw.nodes {
        nodes.push(parse_node(name, node, raw, &fleet, context, &mut warnings)?);
    }
    nodes.retain(|node| !node.profiles.is_empty());
    if nodes.is_empty() {
        let help = format!("its nodes are: {}", names(&raw.node_names));
        return Err(ConfigError::NothingSelected {
            origin: origin.clone(),
            help,
        });
    }
    check_hostname(&nodes, context)?;
    let node_names = raw
        .node_names
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    Ok(Fleet {
        nodes,
        node_names,
        warnings,
    })
}

/// Several nodes cannot be one machine: each would get the profiles of all.
fn check_hostname(nodes: &[FleetNode], context: &ParseContext<'_>) -> Result<(), ConfigError> {
    if context.flags.hostname.is_none() || nodes.len() == 1 {
        return Ok(());
    }
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    Err(ConfigError::SeveralNodes {
        nodes: names.join(", "),
    })
}

fn parse_node(
    name: &str,
    node: &RawNode,
    raw: &RawSettings,
    fleet: &Settings,
    context: &ParseContext<'_>,
    warnings: &mut Vec<String>,
) -> Result<FleetNode, ConfigError> {
    let origin = &context.selection.origin;
    let place = format!("deploy.nodes.{}", quoted(name));
    check_set(origin, &place, Some(&node.r#type))?;
    check_set(
        origin,
        &format!("{place}.profiles"),
        node.profiles_type.as_deref(),
    )?;
    warnings.extend(unknown_options(
        &place,
        &node.unknown,
        &options::known(&options::NODE),
    ));
    let reader = Reader {
        origin,
        place: place.clone(),
        options: &node.options,
    };
    let name = check_name::<NodeName>(origin, "deploy.nodes", name)?;
    let hostname = match &context.flags.hostname {
        Some(hostname) => hostname.clone(),
        None => reader
            .checked("hostname")?
            .ok_or_else(|| missing_hostname(origin, &place))?,
    };
    // Another name for the node is the name of another machine.
    let local = match &context.flags.hostname {
        Some(_) => None,
        None => reader.get("local", "true or false")?,
    };
    let depends_on = reader.references("dependsOn", &raw.node_names, "a list of node names")?;
    let depends_on = depends_on
        .iter()
        .map(|name| check_name(origin, &place, name));
    let profiles = parse_profiles(node, &reader, fleet, (&hostname, local), context, warnings)?;
    Ok(FleetNode {
        name,
        depends_on: depends_on.collect::<Result<_, _>>()?,
        hostname,
        profiles,
    })
}

fn parse_profiles(
    node: &RawNode,
    reader: &Reader<'_>,
    fleet: &Settings,
    address: (&HostName, Option<bool>),
    context: &ParseContext<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<FleetProfile>, ConfigError> {
    let origin = reader.origin;
    let order = reader.references(
        "profilesOrder",
        &node.profile_names,
        "a list of profile names",
    )?;
    let settings = reader.settings()?;
    let mut profiles = Vec::new();
    for (name, profile) in sorted_by_order(&node.profiles, &order) {
        let place = format!("{}.profiles.{}", reader.place, quoted(name));
        check_set(origin, &place, Some(&profile.r#type))?;
        let known = options::known(&options::PROFILE);
        warnings.extend(unknown_options(&place, &profile.unknown, &known));
        let reader = Reader {
            origin,
            place,
            options: &profile.options,
        };
        let merged = Settings::merge(context.flags, &reader.settings()?, &settings, fleet);
        profiles.push(parse_profile(name, &reader, merged, address, context)?);
    }
    Ok(profiles)
}

fn sorted_by_order<'a>(
    profiles: &'a BTreeMap<String, Level>,
    order: &[String],
) -> Vec<(&'a str, &'a Level)> {
    let mut sorted: Vec<_> = profiles
        .iter()
        .map(|(name, level)| (name.as_str(), level))
        .collect();
    // Stable: profiles that are not in the list stay sorted by name behind it.
    sorted.sort_by_key(|(name, _)| {
        order
            .iter()
            .position(|ordered| ordered == name)
            .unwrap_or(usize::MAX)
    });
    sorted
}

fn missing_hostname(origin: &Origin, place: &str) -> ConfigError {
    ConfigError::MissingOption {
        origin: origin.clone(),
        place: place.to_owned(),
        option: "hostname",
        help: format!("add `{place}.hostname = \"<host name or address>\";`, or give --hostname"),
    }
}
