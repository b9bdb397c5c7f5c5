# `pkgs.deploy-rs`, with the names that deploy-rs's own overlay gives: `deploy-rs.deploy-rs` is
# `deploy`, `deploy-rs.lib` makes closures. The parts do not find each other through `final`, so
# that one of them can be replaced.
final: _:
let
  agents = import ./agents.nix {
    inherit (final)
      callPackage
      pkgsCross
      pkgsStatic
      stdenv
      ;
  };
  # For the system that closures are made for.
  agent = agents.${final.stdenv.hostPlatform.system};
in
{
  deploy-rs = {
    inherit agent;
    deploy-rs = final.callPackage ./package.nix { inherit agents; };
    lib = import ./lib.nix {
      inherit agent;
      inherit (final)
        buildEnv
        check-jsonschema
        runCommand
        runtimeShell
        writeScript
        writeText
        writeTextFile
        ;
    };
  };
}
