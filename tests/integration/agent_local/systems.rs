//! Stand-ins for NixOS systems, wrapped by `nix/lib.nix`, on a bed with a `/run` of its own.
//!
//! `bin/switch-to-configuration` does what the real one does as far as it can be seen from
//! outside: it moves `/run/current-system`, it decides what is booted, and it writes down when.

use std::fs;
use std::os::unix::fs::symlink;

use deploy::model::StorePath;

use super::bed::{Bed, World, done, present};

const WRAPPED: &str = r#"
    { repository, name, script }:
    let
      root = /. + repository;
      pkgs = import (root + "/tests/integration/nix/trivial.nix") { };
      system = pkgs.writeTextFile {
        inherit name;
        destination = "/bin/switch-to-configuration";
        executable = true;
        text = script;
      };
    in
    (import (root + "/nix/lib.nix") pkgs).activate.nixos {
      config.system.build.toplevel = system;
      config.boot.loader = { };
    }
"#;

/// Everything that a deployment may change, read from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Links, generations, and the system that was activated last.
    pub(crate) world: World,
    /// The system that the node boots.
    pub(crate) boots: Option<String>,
    /// What `/run/current-system` leads to.
    pub(crate) runs: Option<String>,
}

/// A bed on which the system "one" is deployed, and how that is.
pub(crate) fn with_one() -> (Bed, StorePath, Node) {
    let bed = Bed::of_systems();
    let one = bed.system("one", "");
    assert_eq!(bed.deploy(&bed.request(&one)), done(present(1, &one, 1)));
    bed.calls();
    let before = bed.node();
    assert_eq!(before.boots.as_deref(), Some("one"));
    (bed, one, before)
}

impl Bed {
    /// A bed whose agent finds its own `/run`.
    pub(crate) fn of_systems() -> Self {
        let mut bed = Self::new();
        fs::create_dir(bed.path("run")).unwrap();
        bed.places = vec![("run", "/run")];
        bed
    }

    /// A system, wrapped by `activate.nixos`, that runs `script` with the action in `$1` first.
    pub(crate) fn system(&self, name: &str, script: &str) -> StorePath {
        let texts = [
            ("repository", env!("CARGO_MANIFEST_DIR")),
            ("name", name),
            ("script", &self.switch_to_configuration(name, script)),
        ];
        self.build(WRAPPED, &texts)
    }

    /// The program of a system that writes down each call: name, action, link, `PROFILE`.
    pub(crate) fn switch_to_configuration(&self, name: &str, script: &str) -> String {
        format!(
            r#"#!/bin/sh
            export PATH=/bin:/usr/bin
            self=$(readlink -f "$0")
            cd {0}
            echo {name} "$1" "$(readlink profiles/app || echo -)" "$PROFILE" >> calls
            {script}
            case $1 in switch|test)
              ln -sfn "${{self%/bin/*}}" /run/current-system
              echo {name} > active ;;
            esac
            case $1 in switch|boot) ls profiles > menu; echo {name} > boots; ln -sfn "${{self%/bin/*}}" loader ;; esac
            "#,
            self.path("").display()
        )
    }

    /// What a boot does: what is booted runs, and nothing that ran before.
    pub(crate) fn boot(&self) {
        let link = self.path("run/current-system");
        fs::copy(self.path("boots"), self.path("active")).unwrap();
        fs::remove_file(&link).ok();
        symlink(self.path("loader").read_link().unwrap(), link).unwrap();
    }

    pub(crate) fn node(&self) -> Node {
        let text = |name: &str| fs::read_to_string(self.path(name)).ok();
        let link = self.path("run/current-system").read_link().ok();
        Node {
            world: self.world(),
            boots: text("boots").map(|text| text.trim().to_owned()),
            runs: link.map(|link| link.display().to_string()),
        }
    }

    /// The generations that the boot loader was told of last.
    pub(crate) fn menu(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("menu")).unwrap();
        let names = text.lines().filter(|name| name.ends_with("-link"));
        names.map(str::to_owned).collect()
    }

    /// The calls of `switch-to-configuration` since this was asked last: name, action, link.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        fs::remove_file(self.path("calls")).ok();
        let words = |line: &str| line.split(' ').take(3).collect::<Vec<_>>().join(" ");
        text.lines().map(words).collect()
    }
}
