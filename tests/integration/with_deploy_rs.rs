//! Beside the real deploy-rs, where `DEPLOY_RS_BIN` names the folder of its two executables: each
//! client with each agent. Run with `--nocapture` it prints what they said.
#![expect(clippy::print_stdout, reason = "what is printed is the transcript")]

use std::fs;
use std::path::PathBuf;

use crate::legacy_agent::without_agent;
use crate::scene::{Says, Scene, agents, fleet, one, seen};
use crate::testbed::{self, Node, Output, Profile, system, target_folder};

/// Lets no login through that confirms, whichever way.
const MUTE: &str = "#!/bin/sh\ncase \"$*\" in *--confirm-timeout*) ;; *confirm* | *deploy-rs-canary*) exit 255 ;; esac\nexec /usr/bin/ssh \"$@\"\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Theirs,
}

/// Puts deploy-rs where all machines see it; none where there is none.
fn deploy_rs() -> Option<PathBuf> {
    let from = std::env::var_os("DEPLOY_RS_BIN").map(PathBuf::from)?;
    let to = target_folder().join("deploy-rs");
    fs::create_dir_all(&to).unwrap();
    for name in ["deploy", "activate"] {
        let new = to.join(format!("{name}.{}", std::process::id()));
        fs::copy(from.join(name), &new).unwrap();
        fs::rename(new, to.join(name)).unwrap();
    }
    Some(to)
}

/// A closure as either library lays it out, with this agent as its `activate-rs`.
fn closure(name: &str, version: &str, agent: Whose) -> Profile {
    let program = match agent {
        Whose::Ours => format!("{}/{}/activate", agents(), system()),
        Whose::Theirs => format!("{}/deploy-rs/activate", target_folder().display()),
    };
    Profile::new(name, version).build(&format!(
        "printf '#!/bin/sh\\nexec {program} \"$@\"\\n' > $out/activate-rs; chmod +x $out/activate-rs"
    ))
}

struct Trial<'bed> {
    scene: Scene<'bed>,
    client: Whose,
    /// Whether our client has an agent to send.
    sends_agent: bool,
}

impl Trial<'_> {
    fn run(&self, path: &str) -> Output {
        self.run_with(path, "")
    }

    fn run_with(&self, path: &str, flags: &str) -> Output {
        let theirs = target_folder().join("deploy-rs/deploy");
        let program = match self.client {
            Whose::Ours => "deploy apply --yes".to_owned(),
            Whose::Theirs => format!("{} --skip-checks .", theirs.display()),
        };
        let script = format!("PATH={path}$PATH exec {program} {flags}");
        let words = ["-c", script.as_str()];
        let command = if self.sends_agent {
            self.scene.operator_command("sh", &words)
        } else {
            without_agent(&self.scene, "sh", &words)
        };
        // deploy-rs takes a Nix without flakes for one that has none.
        let features = "experimental-features = nix-command flakes";
        let output = command.env("NIX_CONFIG", features).run();
        println!("{output}");
        output
    }
}

fn try_all(name: &str, client: Whose, agent: Whose, sends_agent: bool) {
    if deploy_rs().is_none() {
        return;
    }
    let bed = testbed::shared();
    let host = bed.host(0);
    let flake = |version, script: &str| {
        let profile = closure(name, version, agent).script(script);
        one(host, profile.setting("confirmTimeout = 4;"))
    };
    let trial = Trial {
        scene: Scene::new(bed, name, &flake("1.0", "")),
        client,
        sends_agent,
    };
    let link = || seen(host, name).link;
    println!("## {client:?} client, {agent:?} agent: a first deployment");
    drop(trial.run("").success());
    println!("## an update");
    trial.scene.folder.rewrite(&flake("2.0", "sleep 1"));
    drop(trial.run("").success());
    let good = seen(host, name);
    assert_eq!(good.numbers(), [1, 2]);
    println!("## an activation that fails");
    trial.scene.folder.rewrite(&flake("3.0", "exit 7"));
    assert_ne!(trial.run("").exit, 0);
    let after = seen(host, name);
    assert_eq!(
        (&after.link, &after.generations),
        (&good.link, &good.generations)
    );
    println!("## one that nobody can confirm, and once more");
    let operator = bed.operator();
    operator.write("/root/mute-all/ssh", MUTE);
    operator
        .run(["chmod", "+x", "/root/mute-all/ssh"])
        .success();
    trial.scene.folder.rewrite(&flake("4.0", ""));
    for _ in 0..2 {
        assert_ne!(trial.run("/root/mute-all:").exit, 0);
        let after = seen(host, name);
        assert_eq!(
            (&after.link, &after.generations),
            (&good.link, &good.generations)
        );
    }
    if (client, agent) == (Whose::Theirs, Whose::Theirs) {
        // What deploy-rs's own agent makes of the file that it has left is not ours to say.
        return;
    }
    println!("## the same once it can be confirmed again");
    drop(trial.run("").success());
    assert_eq!(link(), Some(format!("{name}-3-link")));
}

#[test]
fn their_client_with_our_agent() {
    try_all("theirs-ours", Whose::Theirs, Whose::Ours, true);
}

#[test]
fn their_client_with_their_agent() {
    try_all("theirs-theirs", Whose::Theirs, Whose::Theirs, true);
}

#[test]
fn our_client_with_our_agent() {
    try_all("ours-ours", Whose::Ours, Whose::Ours, true);
}

#[test]
fn our_client_sends_its_agent_beside_theirs() {
    try_all("ours-beside", Whose::Ours, Whose::Theirs, true);
}

#[test]
fn our_client_through_their_agent() {
    try_all("ours-theirs", Whose::Ours, Whose::Theirs, false);
}

/// What fails on one profile makes their client take back those before it, dry run or not.
#[test]
fn their_client_takes_nothing_back_for_a_dry_run_of_our_agent() {
    if deploy_rs().is_none() {
        return;
    }
    let (bed, names) = (testbed::shared(), ["theirs-dry-a", "theirs-dry-b"]);
    let host = bed.host(0);
    let flake = |version, script: &str| {
        let [first, second] = names.map(|name| closure(name, version, Whose::Ours));
        let order = format!("profilesOrder = [ \"{}\" \"{}\" ];", names[0], names[1]);
        let node = Node::at(host).setting(&order);
        fleet().node(node.profile(first).profile(second.script(script)))
    };
    let trial = Trial {
        scene: Scene::new(bed, "theirs-dry", &flake("1.0", "")),
        client: Whose::Theirs,
        sends_agent: true,
    };
    drop(trial.run("").success());
    trial.scene.folder.rewrite(&flake("2.0", ""));
    drop(trial.run("").success());
    let before = names.map(|name| seen(host, name));
    trial.scene.folder.rewrite(&flake("3.0", "exit 3"));
    let dry = trial.run_with("", "--dry-activate");
    assert_ne!(dry.exit, 0);
    drop(dry.says(&["Revoking previous deploys", "nothing is taken back"]));
    for (name, before) in names.iter().zip(&before) {
        let after = seen(host, name);
        assert_eq!(after.link, before.link);
        assert_eq!(after.generations, before.generations);
        assert_eq!(after.activations, ["1.0", "2.0", "dry 3.0"]);
    }
}

#[test]
fn their_client_prepares_the_next_boot_with_our_agent() {
    if deploy_rs().is_none() {
        return;
    }
    let (bed, name) = (testbed::shared(), "theirs-boot");
    let host = bed.host(0);
    let flake = |version| one(host, closure(name, version, Whose::Ours));
    let trial = Trial {
        scene: Scene::new(bed, name, &flake("1.0")),
        client: Whose::Theirs,
        sends_agent: true,
    };
    drop(trial.run("").success());
    trial.scene.folder.rewrite(&flake("2.0"));
    drop(trial.run_with("", "--boot").success());
    let after = seen(host, name);
    assert_eq!(after.activations, ["1.0", "boot 2.0"]);
    assert_eq!(after.numbers(), [1, 2]);
}
