//! Closures of `nix/lib.nix`, one of each kind, deployed to a real host: by the agent that is sent,
//! and by the one that they bring as `activate-rs`.

use std::fs;
use std::path::Path;

use crate::legacy_agent::without_agent;
use crate::scene::{Scene, agents};
use crate::testbed::{Bed, Flake, system, target_folder};

const FLAKE: &str = r##"
{
  outputs = { self }: let
    pkgs = import ./trivial.nix { system = "SYSTEM"; };
    inherit (import ./lib.nix (pkgs // { agent = "AGENT"; })) activate;
    program = name: destination: text: pkgs.writeTextFile {
      inherit name destination;
      executable = true;
      text = "#!/bin/sh\nexport PATH=/bin:/usr/bin\n${text} >> /var/lib/activations/all\n";
    };
    base = program "base" "/bin/base" "echo base VERSION";
  in {
    deploy.nodes.web1 = {
      hostname = "ADDRESS";
      sshUser = "root";
      user = "root";
      profilesOrder = [ "custom" "home" "nothing" "system" ];
      profiles.custom.path = activate.custom base "$PROFILE/bin/base";
      profiles.home.path = activate.home-manager {
        activationPackage = program "home" "/activate" "echo home VERSION";
      };
      profiles.nothing.path = activate.noop base;
      profiles.system.path = activate.nixos {
        config.boot.loader = { };
        config.system.build.toplevel =
          program "system" "/bin/switch-to-configuration" "echo system $1 VERSION";
      };
    };
  };
}
"##;

fn flake(bed: &Bed, agent: &str, version: &str) -> Flake {
    let text = FLAKE
        .replace("ADDRESS", &bed.host(0).address())
        .replace("SYSTEM", &system())
        .replace("AGENT", agent)
        .replace("VERSION", version);
    Flake::raw(&text)
}

/// A fleet whose closures have this agent as their own.
fn scene<'bed>(bed: &'bed Bed, agent: &str) -> Scene<'bed> {
    let scene = Scene::new(bed, "fleet", &flake(bed, agent, "1"));
    for (name, text) in [
        ("lib.nix", include_str!("../../nix/lib.nix")),
        ("trivial.nix", include_str!("nix/trivial.nix")),
    ] {
        let path = format!("{}/{name}", scene.folder.path());
        bed.operator().write(&path, text);
    }
    scene
}

/// The agent, laid out as the package has it.
fn agent_package() -> String {
    let folder = target_folder().join("agent-package");
    let program = Path::new(agents()).join(system()).join("activate");
    fs::create_dir_all(folder.join("bin")).unwrap();
    let beside = folder.join(format!("activate.{}", std::process::id()));
    fs::copy(program, &beside).unwrap();
    fs::rename(beside, folder.join("bin/activate")).unwrap();
    folder.display().to_string()
}

#[test]
fn each_kind_of_closure_is_deployed() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let scene = scene(&bed, "/nowhere");
    drop(scene.apply());
    assert_eq!(
        host.read("/var/lib/activations/all"),
        "base 1\nhome 1\nsystem test 1\nsystem boot 1\n"
    );
    drop(scene.deploy(&["plan", "--detailed-exitcode"]).code(0));
    for profile in ["per-user/root/custom", "per-user/root/nothing", "system"] {
        let path = format!("/nix/var/nix/profiles/{profile}/activate-rs");
        assert!(
            host.read(&path)
                .contains("exec -a activate-rs /nowhere/bin/activate")
        );
    }
}

/// In deploy-rs's words, which is all that its client knows: first without a confirmation, since
/// there is nothing to go back to, then with one.
#[test]
fn each_kind_of_closure_is_deployed_by_the_agent_that_it_brings() {
    let bed = Bed::new(1);
    let host = bed.host(0);
    let agent = agent_package();
    let scene = scene(&bed, &agent);
    let apply = || without_agent(&scene, "deploy", &["apply", "--yes"]).run();
    drop(apply().success());
    scene.folder.rewrite(&flake(&bed, &agent, "2"));
    drop(apply().success());
    let activated = |version| {
        format!("base {version}\nhome {version}\nsystem test {version}\nsystem boot {version}\n")
    };
    let all = activated(1) + &activated(2);
    assert_eq!(host.read("/var/lib/activations/all"), all);
    for profile in ["custom", "home", "nothing"] {
        let path = format!("/nix/var/nix/profiles/per-user/root/{profile}");
        assert_eq!(host.link(&path), Some(format!("{profile}-2-link")));
        // It is ours: deploy-rs's keeps no journal.
        let journal = format!("/nix/var/nix/profiles/per-user/root/.deploy/{profile}/journal.json");
        assert!(host.read(&journal).contains("\"confirmed\""));
    }
    let system = host.link("/nix/var/nix/profiles/system");
    assert_eq!(system.as_deref(), Some("system-2-link"));
}
