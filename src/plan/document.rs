//! The plan as a document: data that fully determines what `apply` does.
//!
//! Its JSON form is an interface (`schema/plan.schema.json`, `docs/plan-format.md`), so names are
//! not changed without a new [`FORMAT_VERSION`]. Lists are sorted, so that two plans of one state
//! are the same text but for id and time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StepId;
use super::basis::Basis;
use super::units::UnitChanges;
use super::verdict::Verdict;
use super::version::compare_newest;
use crate::config::Origin;
use crate::model::{
    AbsolutePath, Connection, Generation, HostName, NodeName, Operator, ProfileName,
    ProfileSettings, ProfileState, RunId, StorePath, UserName,
};

/// The version of the plan's format.
pub const FORMAT_VERSION: u32 = 1;

/// What a fleet is, what it shall be, and the steps between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// The version of the `deploy` that made the plan.
    pub deploy_version: String,
    /// The SHA-256 of everything else in the plan, in hexadecimal.
    pub digest: String,
    /// A random id.
    pub id: RunId,
    /// When the plan was made, in UTC (RFC 3339).
    pub created_at: String,
    /// Who made it.
    pub operator: Operator,
    /// What applying does with the profiles.
    pub mode: Mode,
    /// What it was compared with.
    #[serde(default)]
    pub basis: Basis,
    /// Whether what changed was built, so that closures could be compared.
    pub built: bool,
    /// The flakes that were evaluated.
    pub flakes: Vec<Flake>,
    /// The TARGETs that were asked for.
    pub selection: Vec<String>,
    /// The selected nodes, by name.
    pub nodes: Vec<PlannedNode>,
    /// The selected profiles, by node and then in the order of activation.
    pub profiles: Vec<PlannedProfile>,
    /// The steps, each after all that it waits for.
    pub steps: Vec<PlannedStep>,
    /// What is worth knowing but stops nothing.
    pub warnings: Vec<String>,
    /// Numbers for a quick look.
    pub summary: Summary,
}

/// What applying does with the profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Activate now.
    Switch,
    /// Activate at the next boot.
    Boot,
    /// Go back to an earlier generation.
    RollBack,
}

/// What a fleet is described in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// A flake.
    Flake,
    /// A Nix file, which nothing locks.
    File,
}

/// A flake, or a Nix file in its place, that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flake {
    /// Which of the two it is.
    pub kind: OriginKind,
    /// The reference or path as it was given.
    pub url: String,
    /// The locked reference; of a file its path again.
    pub locked: String,
    /// The hash of its source tree.
    pub nar_hash: Option<String>,
    /// Whether `locked` cannot give it again: a tree with changes that were not committed, or a file.
    pub dirty: bool,
    /// The arguments that were handed to Nix.
    pub nix_args: Vec<String>,
}

impl Flake {
    /// Returns where it was said to be.
    pub fn origin(&self) -> Origin {
        match self.kind {
            OriginKind::Flake => Origin::Flake(self.url.clone()),
            OriginKind::File => Origin::File(self.url.clone()),
        }
    }
}

/// A selected node and whether it could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedNode {
    /// The node's name.
    pub node: NodeName,
    /// Position of its flake in `flakes`.
    pub flake: usize,
    /// The host name or address.
    pub hostname: HostName,
    /// Whether it could be read.
    pub observed: Observed,
    /// Why not.
    pub error: Option<String>,
    /// The node's system, such as `x86_64-linux`.
    pub system: Option<String>,
    /// The folder of Nix's programs, where the PATH of SSH sessions does not have it.
    pub nix_folder: Option<AbsolutePath>,
    /// The nodes whose activations come first.
    pub depends_on: Vec<NodeName>,
    /// What is worth knowing about this node.
    pub notes: Vec<String>,
}

/// Whether a node could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// It was read, or what stands in for it.
    Ok,
    /// It could not be reached.
    Unreachable,
    /// It was reached, but could not be used.
    Failed,
}

/// A selected profile: what it is, and what it shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedProfile {
    /// The profile's node.
    pub node: NodeName,
    /// The profile's name.
    pub profile: ProfileName,
    /// The profile link; unknown where it depends on a node that could not be read.
    pub profile_path: Option<AbsolutePath>,
    /// The user that it belongs to.
    pub user: UserName,
    /// How the node is reached for this profile.
    pub connection: Connection,
    /// The settings in force.
    pub settings: ProfileSettings,
    /// What applying does with it.
    pub action: Action,
    /// What it was seen to be.
    pub current: ProfileState,
    /// What it shall be.
    pub target: Target,
    /// How the closures differ; unknown where one of them could not be read.
    pub closure: Option<ClosureChange>,
    /// What becomes of systemd's units; none where the profile brings none, or that is not known.
    pub units: Option<UnitChanges>,
    /// What a reviewer must know about the change, the gravest first.
    pub verdicts: Vec<Verdict>,
}

/// What applying does with a profile.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// There is no such profile yet.
    Create,
    /// It has another store path.
    Update,
    /// It is at the target.
    Unchanged,
    /// It is at the target and is activated again.
    Reactivate,
    /// It goes back to an earlier generation.
    RollBack,
    /// Its state could not be read.
    Unknown,
}

/// What a profile shall be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The store path.
    pub path: StorePath,
    /// The derivation that builds it; none for a path that is no derivation's output.
    pub drv_path: Option<StorePath>,
    /// The generation it will be; unknown where the profile's state is.
    pub generation: Option<Generation>,
}

/// How the target's closure differs from the current one. Sizes are NAR sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosureChange {
    /// Size of the current closure; none where there is no current one.
    pub size_before: Option<u64>,
    /// Size of the target's closure.
    pub size_after: u64,
    /// Size of what the node lacks.
    pub bytes_to_copy: u64,
    /// Number of paths that the node lacks.
    pub paths_to_copy: u64,
    /// The packages that differ, by name.
    pub packages: Vec<PackageChange>,
}

/// A package whose versions or builds differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageChange {
    /// The package's name.
    pub name: String,
    /// What has become of it.
    pub kind: PackageChangeKind,
    /// Whether somebody asked for it by name, where the system tells that; else it is there only
    /// because others need it.
    #[serde(default)]
    pub direct: bool,
    /// The versions before, sorted, once for each build; an empty text stands for a path without
    /// version. Versions that are before and after are left out, unless one side then had none.
    pub before: Vec<String>,
    /// The versions after.
    pub after: Vec<String>,
    /// How many store paths differ.
    pub paths: u64,
}

/// What has become of a package.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PackageChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its newest version that differs is newer.
    Upgraded,
    /// Its newest version that differs is older.
    Downgraded,
    /// It has the same versions, built otherwise.
    Rebuilt,
    /// Its versions differ, and none of them can be called newer.
    Changed,
}

impl PackageChange {
    /// Returns the change between these versions, of which `paths` store paths differ.
    pub fn new(name: String, before: Vec<String>, after: Vec<String>, paths: u64) -> Self {
        let newer = compare_newest(&after, &before);
        let kind = match (before.is_empty(), after.is_empty()) {
            (true, false) => PackageChangeKind::Added,
            (false, true) => PackageChangeKind::Removed,
            _ if before == after => PackageChangeKind::Rebuilt,
            // One version more or less than before, or none at all.
            _ if before.iter().any(|version| after.contains(version)) => PackageChangeKind::Changed,
            _ if before.iter().chain(&after).any(String::is_empty) => PackageChangeKind::Changed,
            _ if newer.is_gt() => PackageChangeKind::Upgraded,
            _ if newer.is_lt() => PackageChangeKind::Downgraded,
            _ => PackageChangeKind::Changed,
        };
        Self {
            name,
            kind,
            direct: false,
            before,
            after,
            paths,
        }
    }
}

/// A vertex of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedStep {
    /// Its id.
    pub id: StepId,
    /// What it does.
    pub kind: StepKind,
    /// The node that it concerns.
    pub node: Option<NodeName>,
    /// The profile that it concerns.
    pub profile: Option<ProfileName>,
    /// The derivation that it builds.
    pub drv_path: Option<StorePath>,
    /// The steps that must have succeeded before it starts.
    pub depends_on: Vec<StepId>,
    /// The steps that must have ended before it starts.
    pub after: Vec<StepId>,
}

/// What a step does.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Build a derivation: on the node that it names, or else on the operator's machine.
    Build,
    /// Copy closures to a node.
    Copy,
    /// Wait until building and copying have ended.
    Barrier,
    /// Activate a profile, and confirm it or roll it back.
    Activate,
}

/// Numbers for a quick look and for gates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Profiles that come into being.
    pub create: u64,
    /// Profiles that change.
    pub update: u64,
    /// Profiles that stay.
    pub unchanged: u64,
    /// Profiles that stay and are activated again.
    pub reactivate: u64,
    /// Profiles that go back.
    pub roll_back: u64,
    /// Profiles whose state could not be read.
    pub unknown: u64,
    /// Nodes that could not be reached or used.
    pub unreadable_nodes: u64,
    /// Size of all that is to be copied, in bytes.
    pub bytes_to_copy: u64,
    /// Number of paths to be copied.
    pub paths_to_copy: u64,
}

impl PlannedProfile {
    /// Returns the derivation that is built on the operator's machine.
    pub fn built_here(&self) -> Option<&StorePath> {
        let derivation = self.target.drv_path.as_ref();
        derivation.filter(|_| !self.settings.remote_build)
    }

    /// Returns the derivation that the node builds itself.
    pub fn built_there(&self) -> Option<&StorePath> {
        let derivation = self.target.drv_path.as_ref();
        derivation.filter(|_| self.settings.remote_build)
    }
}

impl Plan {
    /// Returns whether applying would change something: `--detailed-exitcode` asks for this.
    pub fn has_changes(&self) -> bool {
        let Summary {
            create,
            update,
            reactivate,
            roll_back,
            unknown,
            ..
        } = self.summary;
        create + update + reactivate + roll_back + unknown > 0
    }

    /// Returns the profiles of a node.
    pub fn profiles_of(&self, node: &NodeName) -> impl Iterator<Item = &PlannedProfile> {
        let first = self
            .profiles
            .partition_point(|profile| profile.node < *node);
        self.profiles[first..]
            .iter()
            .take_while(move |profile| profile.node == *node)
    }

    /// Returns a profile by node and name.
    pub fn profile(&self, node: &NodeName, profile: &ProfileName) -> Option<&PlannedProfile> {
        self.profiles_of(node)
            .find(|planned| &planned.profile == profile)
    }

    /// Returns a node by name.
    pub fn node(&self, node: &NodeName) -> Option<&PlannedNode> {
        let place = self
            .nodes
            .binary_search_by(|planned| planned.node.cmp(node));
        place.ok().map(|place| &self.nodes[place])
    }
}
