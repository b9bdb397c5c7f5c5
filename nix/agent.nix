# The agent of one system. Give it the `rustPlatform` of `pkgsStatic`, also of a cross
# system's: it must run on nodes whatever C library those have.
{ lib, rustPlatform }:
rustPlatform.buildRustPackage (
  import ./crate.nix { inherit lib; }
  // {
    pname = "deploy-agent";
    buildFeatures = [ "agent" ];
    cargoBuildFlags = [ "--bin=activate" ];
    meta = {
      description = "The program of deploy that activates on a node";
      license = lib.licenses.mpl20;
      mainProgram = "activate";
    };
  }
)
