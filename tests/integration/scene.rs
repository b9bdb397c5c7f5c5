//! What end-to-end tests share: the tool run on a flake, what it must say, and what a host is
//! seen to be from outside.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process;
use std::sync::OnceLock;

use crate::testbed::{
    self, Bed, Command, Flake, FlakeFolder, Host, Node, Operator, Output, Profile, Running,
};

const PROFILES_OF_ROOT: &str = "/nix/var/nix/profiles/per-user/root";

/// A fleet whose nodes are logged in to as root, where all profiles belong to root.
pub(crate) fn fleet() -> Flake {
    Flake::new().setting("sshUser = \"root\"; user = \"root\";")
}

/// A fleet of one profile on one host.
pub(crate) fn one(host: &Host, profile: Profile) -> Flake {
    fleet().node(Node::at(host).profile(profile))
}

/// A fleet of one profile on every host of the bed.
pub(crate) fn everywhere(bed: &Bed, profile: &Profile) -> Flake {
    let node = |host| Node::at(host).profile(profile.clone());
    bed.hosts().iter().map(node).fold(fleet(), Flake::node)
}

/// A flake in a folder of the operator, where the tool is run.
pub(crate) struct Scene<'bed> {
    bed: &'bed Bed,
    pub(crate) folder: FlakeFolder<'bed>,
}

impl<'bed> Scene<'bed> {
    /// Writes the flake into a folder, which no other test of the bed may use.
    pub(crate) fn new(bed: &'bed Bed, name: &str, flake: &Flake) -> Self {
        let folder = bed.operator().flake(&format!("/root/{name}"), flake);
        Self { bed, folder }
    }

    /// Returns the machine on which the tool is run.
    pub(crate) fn operator(&self) -> &'bed Operator {
        self.bed.operator()
    }

    /// Prepares a call of `deploy` with these words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        self.operator_command("deploy", words)
    }

    /// Prepares a call of any program of the operator, in the flake's folder.
    pub(crate) fn operator_command(&self, program: &str, words: &[&str]) -> Command {
        let command = self.bed.operator().command([program]);
        command
            .args(words.iter().copied())
            .env("DEPLOY_AGENTS", agents())
            .directory(self.folder.path())
    }

    /// Runs `deploy` with these words.
    #[track_caller]
    pub(crate) fn deploy(&self, words: &[&str]) -> Output {
        self.command(words).run()
    }

    /// Applies what the flake says; everything must come to its target.
    #[track_caller]
    pub(crate) fn apply(&self) -> Output {
        self.deploy(&["apply", "--yes"]).success()
    }

    /// Starts applying with an `ssh` that cannot make the login that confirms.
    #[track_caller]
    pub(crate) fn apply_unconfirmed(&self) -> Running {
        const MUTE: &str =
            "#!/bin/sh\ncase \"$*\" in *confirm*) exit 255 ;; esac\nexec /usr/bin/ssh \"$@\"\n";
        let operator = self.bed.operator();
        operator.write("/root/mute/ssh", MUTE);
        operator.run(["chmod", "+x", "/root/mute/ssh"]).success();
        let script = "PATH=/root/mute:$PATH exec deploy apply --yes";
        self.operator_command("sh", &["-c", script]).spawn()
    }

    /// Saves a plan of the flake in its folder and returns what was printed.
    #[track_caller]
    pub(crate) fn save(&self, file: &str) -> Output {
        self.deploy(&["plan", "--out", file]).success()
    }

    /// Returns a plan of the flake as JSON.
    #[track_caller]
    pub(crate) fn plan_json(&self) -> serde_json::Value {
        self.deploy(&["plan", "--format", "json"]).success().json()
    }
}

/// What a profile is, as the host shows it from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) link: Option<String>,
    pub(crate) generations: Vec<(u64, String)>,
    pub(crate) activations: Vec<String>,
}

impl Seen {
    /// A profile that was never there.
    pub(crate) fn nothing() -> Self {
        Self {
            link: None,
            generations: Vec::new(),
            activations: Vec::new(),
        }
    }

    pub(crate) fn numbers(&self) -> Vec<u64> {
        let numbers = self.generations.iter();
        numbers.map(|(number, _)| *number).collect()
    }
}

/// Everything that a run could leave on a host, with the times of its last changes. What Nix itself
/// writes when it is asked something is not in it, nor are the folders that the host shares with
/// this machine.
pub(crate) fn files_of(host: &Host) -> BTreeSet<String> {
    let (sources, target) = (env!("CARGO_MANIFEST_DIR"), testbed::target_folder());
    let target = target.display().to_string();
    let left_out = ["/nix/var/nix/db", "*/temproots*", sources, &target];
    let pruned = left_out.map(|path| format!("-path '{path}' -prune -o"));
    let pruned = pruned.join(" ");
    let list = format!(
        "find /nix /root /etc /home /var/lib /tmp {pruned} -type d -printf '%p %m\\n' -o -printf '%p %l %T@ %s\\n'"
    );
    let output = host.shell(&list).success();
    output.stdout.lines().map(str::to_owned).collect()
}

/// Returns where a profile of root lies.
pub(crate) fn path_of(profile: &str) -> String {
    format!("{PROFILES_OF_ROOT}/{profile}")
}

/// Returns where the agent keeps what it knows of a profile of root.
pub(crate) fn folder_of(profile: &str) -> String {
    let path = path_of(profile);
    let (folder, name) = path.rsplit_once('/').unwrap();
    format!("{folder}/.deploy/{name}")
}

/// Returns what a profile of root is on this host.
#[track_caller]
pub(crate) fn seen(host: &Host, profile: &str) -> Seen {
    seen_at(host, &path_of(profile), profile)
}

/// Returns what the profile at this path is, whose activation logs this name.
#[track_caller]
pub(crate) fn seen_at(host: &Host, path: &str, profile: &str) -> Seen {
    Seen {
        link: host.link(path),
        generations: host.generations(path),
        activations: host.activations(profile),
    }
}

/// What tests ask of the tool's output.
pub(crate) trait Says {
    /// Panics with the transcript unless all these words are in one of the outputs, in whatever
    /// way the lines are broken and framed.
    fn says(self, words: &[&str]) -> Self;

    /// Panics with the transcript if one of these words is in an output.
    fn never_says(self, words: &[&str]) -> Self;
}

impl Says for Output {
    #[track_caller]
    fn says(self, words: &[&str]) -> Self {
        let said = unbroken(&self);
        for words in words {
            assert!(said.contains(words), "it does not say {words:?}\n{self}");
        }
        self
    }

    #[track_caller]
    fn never_says(self, words: &[&str]) -> Self {
        let said = unbroken(&self);
        for words in words {
            assert!(!said.contains(words), "it says {words:?}\n{self}");
        }
        self
    }
}

fn unbroken(output: &Output) -> String {
    let text = format!("{}\n{}", output.stdout, output.stderr);
    let text = anstream::adapter::strip_str(&text).to_string();
    let words = text.split_whitespace();
    let is_frame = |word: &&str| word.chars().all(|letter| "│╰─▶├×".contains(letter));
    words
        .filter(|word| !is_frame(word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Applies a flake that cannot be applied to a host of the shared bed, and checks that it ends
/// with this code, says this, and changed nothing of the profile, whose name is the folder's.
#[track_caller]
pub(crate) fn refuses(profile: &str, flake: &Flake, flags: &[&str], code: i32, words: &[&str]) {
    let bed = testbed::shared();
    let scene = Scene::new(bed, profile, flake);
    let argv = [&["apply", "--yes"], flags].concat();
    drop(scene.deploy(&argv).code(code).says(words));
    for host in bed.hosts() {
        assert_eq!(seen(host, profile), Seen::nothing(), "{}", host.name());
    }
}

/// Returns a folder with the agent under test as it is shipped: without what debuggers read,
/// which is twenty times as much and would be copied to every host.
pub(crate) fn agents() -> &'static str {
    static AGENTS: OnceLock<String> = OnceLock::new();
    AGENTS.get_or_init(|| {
        let agents = testbed::target_folder().join("agents");
        let folder = agents.join(testbed::system());
        fs::create_dir_all(&folder).unwrap();
        strip(
            &testbed::target_folder().join("activate"),
            &folder.join("activate"),
        );
        agents.display().to_string()
    })
}

/// Writes beside it first: another test process may be using it.
fn strip(from: &Path, to: &Path) {
    let beside = to.with_extension(process::id().to_string());
    let mut strip = process::Command::new("strip");
    let status = strip
        .arg("-o")
        .args([&beside, from].map(Path::as_os_str))
        .status();
    assert!(status.unwrap().success(), "stripping the agent");
    fs::rename(beside, to).unwrap();
}
