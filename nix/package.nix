# `deploy` for the operator, and beside it the agents that it sends to nodes, where it looks
# for them itself. `agents` has one of agent.nix for each system of a node, by its name.
{
  lib,
  rustPlatform,
  agents,
}:
rustPlatform.buildRustPackage (
  import ./crate.nix { inherit lib; }
  // {
    pname = "deploy";
    buildFeatures = [ "operator" ];
    cargoBuildFlags = [ "--bin=deploy" ];
    postInstall = lib.concatStrings (
      lib.mapAttrsToList (system: agent: ''
        install -D ${agent}/bin/activate "$out/libexec/deploy/${system}/activate"
      '') agents
    );
    meta = {
      description = "Plan and apply changes to fleets of NixOS and Nix machines described by a flake";
      license = lib.licenses.mpl20;
      mainProgram = "deploy";
    };
  }
)
