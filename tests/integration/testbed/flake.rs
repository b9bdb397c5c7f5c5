//! Flakes for tests: the text of a fleet in a few lines. The derivations behind it are in
//! fixture.nix; writing it into the operator's file system is in `flake_folder`.

use std::env::consts::ARCH;

use super::host::Host;

/// The text of a flake.
#[derive(Clone)]
#[must_use]
pub(crate) struct Flake {
    settings: String,
    outputs: String,
    nodes: Vec<Node>,
    raw: Option<String>,
    is_file: bool,
}

impl Flake {
    pub(crate) fn new() -> Self {
        Self {
            settings: String::new(),
            outputs: String::new(),
            nodes: Vec::new(),
            raw: None,
            is_file: false,
        }
    }

    /// Takes the whole text of flake.nix as it is, for bad input.
    pub(crate) fn raw(text: &str) -> Self {
        Self {
            raw: Some(text.to_owned()),
            ..Self::new()
        }
    }

    pub(crate) fn node(mut self, node: Node) -> Self {
        self.nodes.push(node);
        self
    }

    /// Adds Nix text to the `deploy` attribute set, such as `sshUser = "alice";`.
    pub(crate) fn setting(mut self, text: &str) -> Self {
        line(&mut self.settings, text);
        self
    }

    /// Adds Nix text to the flake's outputs, such as `checks.x86_64-linux = { };`. The names
    /// `self` and `fixture` (the functions of fixture.nix) can be used in it.
    pub(crate) fn output(mut self, text: &str) -> Self {
        line(&mut self.outputs, text);
        self
    }

    /// Makes it a default.nix, which needs no flakes.
    pub(crate) fn without_flake(self) -> Self {
        Self {
            is_file: true,
            ..self
        }
    }

    /// Returns the name of the file that it is.
    pub(crate) fn file_name(&self) -> &'static str {
        if self.is_file {
            "default.nix"
        } else {
            "flake.nix"
        }
    }

    /// Returns the text of the file.
    pub(crate) fn text(&self) -> String {
        if let Some(text) = &self.raw {
            return text.clone();
        }
        let nodes: String = self.nodes.iter().map(Node::text).collect();
        let outputs = format!(
            "let fixture = import ./fixture.nix {}; in {{\n{}deploy = {{\n{}nodes = {{\n{nodes}}};\n}};\n}}",
            string(&system()),
            self.outputs,
            self.settings,
        );
        if self.is_file {
            outputs
        } else {
            format!("{{\n  outputs = {{ self }}: {outputs};\n}}\n")
        }
    }
}

/// A node of the fleet.
#[derive(Clone)]
#[must_use]
pub(crate) struct Node {
    name: String,
    settings: String,
    profiles: Vec<Profile>,
}

impl Node {
    /// Describes the node that is this host: its name, and its address as `hostname`.
    pub(crate) fn at(host: &Host) -> Self {
        Self::new(host.name(), &host.address())
    }

    /// Describes a node by any name and `hostname`.
    pub(crate) fn new(name: &str, hostname: &str) -> Self {
        Self::bare(name).setting(&format!("hostname = {};", string(hostname)))
    }

    /// Describes a node without a `hostname`.
    pub(crate) fn bare(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            settings: String::new(),
            profiles: Vec::new(),
        }
    }

    /// Adds Nix text to the node's attribute set.
    pub(crate) fn setting(mut self, text: &str) -> Self {
        line(&mut self.settings, text);
        self
    }

    pub(crate) fn profile(mut self, profile: Profile) -> Self {
        self.profiles.push(profile);
        self
    }

    fn text(&self) -> String {
        let profiles: String = self.profiles.iter().map(Profile::text).collect();
        format!(
            "{} = {{\n{}profiles = {{\n{profiles}}};\n}};\n",
            string(&self.name),
            self.settings,
        )
    }
}

/// A profile of a node. Its activation writes its version where [`Host::activations`] reads.
#[derive(Clone)]
#[must_use]
pub(crate) struct Profile {
    name: String,
    version: String,
    packages: String,
    more_packages: String,
    script: String,
    build: String,
    padding: u32,
    settings: String,
    path: Option<String>,
}

impl Profile {
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            packages: String::new(),
            more_packages: String::new(),
            script: String::new(),
            build: String::new(),
            padding: 0,
            settings: String::new(),
            path: None,
        }
    }

    /// Adds a derivation of its own that the profile refers to.
    pub(crate) fn package(mut self, name: &str, version: &str) -> Self {
        let text = format!(
            "{{ name = {}; version = {}; }}",
            string(name),
            string(version)
        );
        line(&mut self.packages, &text);
        self
    }

    /// Adds the derivations of a list, such as an output of the flake, that the profile refers to.
    pub(crate) fn packages(mut self, list: &str) -> Self {
        self.more_packages.push_str(" ++ ");
        self.more_packages.push_str(list);
        self
    }

    /// Adds shell text to the activation, after it has been logged: `exit 1`, `sleep 5`.
    pub(crate) fn script(mut self, text: &str) -> Self {
        line(&mut self.script, text);
        self
    }

    /// Adds shell text to the build: `exit 1`, `sleep 5`.
    pub(crate) fn build(mut self, text: &str) -> Self {
        line(&mut self.build, text);
        self
    }

    /// Makes it larger by so many MiB that do not compress.
    pub(crate) fn padding(mut self, mebibytes: u32) -> Self {
        self.padding = mebibytes;
        self
    }

    /// Adds Nix text to the profile's attribute set, such as `user = "bob";`.
    pub(crate) fn setting(mut self, text: &str) -> Self {
        line(&mut self.settings, text);
        self
    }

    /// Takes this Nix expression as the `path`, instead of a derivation made of the rest.
    pub(crate) fn path(mut self, expression: &str) -> Self {
        self.path = Some(expression.to_owned());
        self
    }

    fn text(&self) -> String {
        let path = self.path.clone().unwrap_or_else(|| self.derivation());
        format!(
            "{} = {{\npath = {path};\n{}}};\n",
            string(&self.name),
            self.settings
        )
    }

    fn derivation(&self) -> String {
        format!(
            "fixture.profile {{ name = {}; version = {}; packages = map fixture.package [\n{}]{}; script = {}; build = {}; padding = {}; }}",
            string(&self.name),
            string(&self.version),
            self.packages,
            self.more_packages,
            string(&self.script),
            string(&self.build),
            self.padding,
        )
    }
}

/// Returns the system of this machine, as Nix calls it.
pub(crate) fn system() -> String {
    format!("{ARCH}-linux")
}

/// Returns the text as a Nix string.
pub(crate) fn string(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace("${", "\\${");
    format!("\"{escaped}\"")
}

fn line(text: &mut String, addition: &str) {
    text.push_str(addition);
    text.push('\n');
}
