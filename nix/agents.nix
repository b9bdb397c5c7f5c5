# The agents that an operator on this system sends, by the systems of their nodes: static ones for
# Linux, also where they have to be compiled for another system, and on macOS this system's own.
{
  callPackage,
  pkgsCross,
  pkgsStatic,
  stdenv,
}:
let
  inherit (stdenv.hostPlatform) isLinux system;
  agent = scope: scope.callPackage ./agent.nix { };
in
{
  x86_64-linux = agent pkgsCross.gnu64.pkgsStatic;
  aarch64-linux = agent pkgsCross.aarch64-multiplatform.pkgsStatic;
}
// {
  ${system} = if isLinux then agent pkgsStatic else agent { inherit callPackage; };
}
