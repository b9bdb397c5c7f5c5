//! Closures of `nix/lib.nix`, one of each kind, deployed to a real host.

use crate::testbed::{Bed, Flake, system};

const FLAKE: &str = r##"
{
  outputs = { self }: let
    pkgs = import ./trivial.nix { system = "SYSTEM"; };
    inherit (import ./lib.nix (pkgs // { agent = "/nowhere"; })) activate;
    program = name: destination: text: pkgs.writeTextFile {
      inherit name destination;
      executable = true;
      text = "#!/bin/sh\nexport PATH=/bin:/usr/bin\n${text} >> /var/lib/activations/all\n";
    };
    base = program "base" "/bin/base" "echo base";
  in {
    deploy.nodes.web1 = {
      hostname = "ADDRESS";
      sshUser = "root";
      user = "root";
      profilesOrder = [ "custom" "home" "nothing" "system" ];
      profiles.custom.path = activate.custom base "$PROFILE/bin/base";
      profiles.home.path = activate.home-manager {
        activationPackage = program "home" "/activate" "echo home";
      };
      profiles.nothing.path = activate.noop base;
      profiles.system.path = activate.nixos {
        config.boot.loader = { };
        config.system.build.toplevel =
          program "system" "/bin/switch-to-configuration" "echo system $1";
      };
    };
  };
}
"##;

#[test]
fn each_kind_of_closure_is_deployed() {
    let bed = Bed::new(1);
    let (operator, host) = (bed.operator(), bed.host(0));
    let text = FLAKE
        .replace("ADDRESS", &host.address())
        .replace("SYSTEM", &system());
    let folder = operator.flake("/root/fleet", &Flake::raw(&text));
    for (name, text) in [
        ("lib.nix", include_str!("../../nix/lib.nix")),
        ("trivial.nix", include_str!("nix/trivial.nix")),
    ] {
        operator.write(&format!("{}/{name}", folder.path()), text);
    }
    let deploy = |words: &[&str]| {
        let command = operator.command(["deploy"]).args(words.iter().copied());
        command.directory(folder.path()).run()
    };
    deploy(&["apply", "--yes"]).success();
    assert_eq!(
        host.read("/var/lib/activations/all"),
        "base\nhome\nsystem test\nsystem boot\n"
    );
    deploy(&["plan", "--detailed-exitcode"]).code(0);
    for profile in ["per-user/root/custom", "per-user/root/nothing", "system"] {
        let path = format!("/nix/var/nix/profiles/{profile}/activate-rs");
        assert!(
            host.read(&path)
                .contains("exec -a activate-rs /nowhere/bin/activate")
        );
    }
}
