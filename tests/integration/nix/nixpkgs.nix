# The few things of nixpkgs that the files in nix/ take, done with what this machine has.
# `cargo` is its own, with the folder that it has built in already: environment.json says where.
{ system }:
let
  environment = builtins.fromJSON (builtins.readFile ./environment.json);
  hasCargo = builtins.pathExists ./environment.json;
  trivial = import ./trivial.nix { inherit system; };

  # Keeps these files and folders of a tree, and what leads to them.
  toSource =
    { root, fileset }:
    let
      kept = map toString fileset;
      isBelow = above: path: path == above || builtins.substring 0 (builtins.stringLength above + 1) path == above + "/";
    in
    builtins.path {
      path = root;
      name = "source";
      filter = path: _: builtins.any (one: isBelow one path || isBelow path one) kept;
    };

  lib = {
    inherit (builtins) concatStringsSep;
    concatStrings = builtins.concatStringsSep "";
    mapAttrsToList = function: set: map (name: function name set.${name}) (builtins.attrNames set);
    licenses.mpl20 = "MPL-2.0";
    fileset = {
      inherit toSource;
      unions = paths: paths;
    };
  };

  triple = environment.HOST_TRIPLE;

  # Takes the dependencies from what is built already, and leaves alone what is under test beside them.
  cargo = flags: folder: variables: if hasCargo then ownCargo flags folder variables else crossCargo system;
  ownCargo = flags: folder: variables: {
    buildRustPackage =
      package:
      derivation (
        environment
        // variables
        // {
          inherit system;
          name = "${package.pname}-${package.version}";
          builder = "/bin/sh";
          inherit (package) src;
          args = [
            "-euc"
            ''
              cp -r "$src" source && chmod -R u+w source && cd source
              export CARGO_TARGET_DIR=$PWD/target
              cargo build --offline --locked ${flags} --no-default-features \
                --features ${builtins.concatStringsSep "," package.buildFeatures} \
                ${builtins.concatStringsSep " " package.cargoBuildFlags} >&2
              install -D "target/${folder}/${package.meta.mainProgram}" "$out/bin/${package.meta.mainProgram}"
              ${package.postInstall or ""}
            ''
          ];
        }
      );
  };

  # There is no compiler for another system here: what it would make says for which one.
  crossCargo = made: {
    buildRustPackage =
      package:
      trivial.writeTextFile {
        name = "${package.pname}-${made}-${package.version}";
        destination = "/bin/${package.meta.mainProgram}";
        executable = true;
        text = "${package.pname} for ${made}";
      };
  };

  scope = rustPlatform: {
    callPackage =
      file: extra:
      let
        function = import file;
      in
      function (builtins.intersectAttrs (builtins.functionArgs function) ({ inherit lib rustPlatform; } // extra) // extra);
  };
in
trivial
// scope (cargo "" "debug" { })
// {
  inherit lib;
  stdenv.hostPlatform = {
    inherit system;
    isLinux = builtins.match ".*-linux" system != null;
  };
  # The same call as tests/static-agent's, so that there is nothing left to be compiled.
  pkgsStatic = scope (cargo "--release --target ${triple}" "${triple}/release" { RUSTFLAGS = "-C target-feature=+crt-static"; });
  pkgsCross = {
    gnu64.pkgsStatic = scope (crossCargo "x86_64-linux");
    aarch64-multiplatform.pkgsStatic = scope (crossCargo "aarch64-linux");
  };
  nixos = module: (import ./modules.nix { inherit system; }).nixosSystem { modules = [ module ]; };
  mkShell = { inputsFrom, packages }: trivial.runCommand "shell" { inputs = inputsFrom ++ packages; } "touch $out";
}
// builtins.listToAttrs (
  map
    (name: {
      inherit name;
      value = trivial.writeText name "";
    })
    [
      "cargo"
      "cargo-deny"
      "clippy"
      "git"
      "hello"
      "nix"
      "openssh"
      "postgresql"
      "rust-analyzer"
      "rustc"
      "rustfmt"
    ]
)
