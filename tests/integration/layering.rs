//! Dependencies go one way: each module uses only those of the layers before it.
//!
//! Every `crate::` and `super::` path counts, wherever it stands, not only `use` lines. Code under
//! `#[cfg(test)]` and files named `…_tests.rs` are free.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules from the lowest layer to the highest, and those that each may use.
const LAYERS: [(&str, &[&str]); 15] = [
    ("model", &[]),
    ("protocol", &["model"]),
    ("process", &[]),
    ("config", &["model"]),
    ("plan", &["model", "protocol", "config"]),
    ("schedule", &["model", "plan"]),
    ("nix", &["model", "config", "plan", "process"]),
    ("ssh", &["model", "process"]),
    ("host", &["model", "protocol", "process", "nix", "ssh"]),
    (
        "observe",
        &["model", "protocol", "config", "plan", "host", "ssh"],
    ),
    (
        "apply",
        &[
            "model", "protocol", "process", "config", "plan", "schedule", "nix", "host",
        ],
    ),
    (
        "planner",
        &[
            "model", "config", "plan", "nix", "host", "ssh", "observe", "apply",
        ],
    ),
    ("report", &["model", "config", "plan", "schedule", "apply"]),
    (
        "cli",
        &[
            "model", "config", "plan", "schedule", "process", "nix", "host", "apply", "planner",
            "report",
        ],
    ),
    ("agent", &["model", "protocol", "process"]),
];

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The part of a file that is not tests, without comments and texts in quotes.
fn code(text: &str) -> String {
    let text = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    let text = text
        .split("#[cfg(test)]\npub(crate) mod tests")
        .next()
        .unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The top-level modules that paths in `code` lead to, seen from `module` (its folders and name).
fn used(code: &str, module: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let before = code[..start].chars().next_back();
        if before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_' && letter != '$') {
            names.extend(first_names(&code[start + "crate::".len()..]));
        }
    }
    for (start, _) in code.match_indices("super::") {
        if code[..start].ends_with("super::") {
            continue;
        }
        let rest = &code[start..];
        let levels = rest
            .split("super::")
            .take_while(|part| part.is_empty())
            .count();
        if levels >= module.len() {
            names.extend(first_names(&rest["super::".len() * levels..]));
        }
    }
    names
}

/// The first name of a path, or the first names of a list in braces.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    match path.strip_prefix('{') {
        None => vec![name(path)],
        Some(list) => {
            let mut depth = 0;
            let end = list.find(|letter| {
                depth += i32::from(letter == '{') - i32::from(letter == '}');
                depth < 0
            });
            let mut names = vec![String::new()];
            let mut depth = 0;
            for letter in list[..end.unwrap_or(list.len())].chars() {
                depth += i32::from(letter == '{') - i32::from(letter == '}');
                if letter == ',' && depth == 0 {
                    names.push(String::new());
                } else if let Some(last) = names.last_mut() {
                    last.push(letter);
                }
            }
            names.iter().map(|text| name(text.trim())).collect()
        }
    }
}

fn breaches(file: &Path, text: &str) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let relative = file.strip_prefix(source).unwrap().with_extension("");
    let mut module: Vec<String> = relative
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .filter(|part| part != "mod")
        .collect();
    module.retain(|part| part != "lib");
    let Some(layer) = module.first().cloned() else {
        return Vec::new();
    };
    let is_tests = relative.to_string_lossy().ends_with("_tests");
    if layer == "bin" || is_tests {
        return Vec::new();
    }
    let Some(allowed_here) = allowed.get(layer.as_str()) else {
        return vec![format!("{}: module `{layer}` has no layer", file.display())];
    };
    used(&code(text), &module)
        .into_iter()
        .filter(|name| allowed.contains_key(name.as_str()) && *name != layer)
        .filter(|name| !allowed_here.contains(&name.as_str()))
        .map(|name| format!("{}: `{layer}` uses `{name}`", file.display()))
        .collect()
}

#[test]
fn each_module_uses_only_the_layers_before_it() {
    let found: Vec<String> = sources()
        .iter()
        .flat_map(|file| breaches(file, &fs::read_to_string(file).unwrap()))
        .collect();
    assert!(
        found.is_empty(),
        "dependencies go one way:\n{}",
        found.join("\n")
    );
}

#[test]
fn a_breach_is_found_wherever_it_stands() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/graph.rs");
    for text in [
        "use crate::apply::Event;",
        "fn f() -> crate::ssh::SshError { todo() }",
        "use crate::{model::NodeName, nix::{Nix, NixError}};",
        "type T = super::super::cli::Context;",
        "use super::super::{report, model};",
    ] {
        assert_eq!(breaches(&file, text).len(), 1, "{text}");
    }
    for text in [
        "use crate::model::NodeName;",
        "use super::document::Plan;",
        "// crate::cli",
        "$crate::apply::x",
    ] {
        assert_eq!(breaches(&file, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_layers_themselves_go_one_way() {
    for (position, (layer, uses)) in LAYERS.iter().enumerate() {
        for used in *uses {
            let before = LAYERS[..position]
                .iter()
                .any(|(earlier, _)| earlier == used);
            assert!(before, "`{layer}` may not use `{used}`, which comes later");
        }
    }
}

/// A dry activation cannot change a profile, for it has nothing to do that with.
#[test]
fn a_dry_run_uses_nothing_that_changes_a_profile() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/agent/dry_run.rs");
    let code = code(&fs::read_to_string(file).unwrap());
    let siblings: Vec<String> = code
        .match_indices("super::")
        .flat_map(|(start, _)| first_names(&code[start + "super::".len()..]))
        .collect();
    assert_eq!(siblings, ["environment", "program"]);
    assert!(!code.contains("crate::agent"));
}

/// macOS has none of it, and nothing there would find the place that asks for it. The agent has one
/// and `deploy` another.
#[test]
fn what_linux_alone_has_is_asked_for_in_one_place() {
    const OF_LINUX: [&str; 7] = [
        "target_os",
        "/proc/",
        "/sys/fs/",
        "/run/systemd",
        "/systemd/linger",
        "inotify",
        "std::os::linux",
    ];
    let places = ["src/agent/system", "src/cli/memory.rs"];
    let places = places.map(|place| Path::new(env!("CARGO_MANIFEST_DIR")).join(place));
    let mut users = 0;
    for file in sources() {
        let code = code(&fs::read_to_string(&file).unwrap());
        let found = OF_LINUX.iter().find(|word| code.contains(**word));
        users += usize::from(found.is_some());
        assert!(
            found.is_none() || places.iter().any(|place| file.starts_with(place)),
            "{} has {found:?}",
            file.display()
        );
    }
    assert!(users > 2, "the list finds nothing any more");
}
