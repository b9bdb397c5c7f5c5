# What `import nixpkgs { … }` gives, for this stand-in.
{
  system ? builtins.currentSystem,
  overlays ? [ ],
}:
let
  nixpkgs = import ./nixpkgs.nix { inherit system; };
  final = builtins.foldl' (previous: overlay: previous // overlay final previous) nixpkgs overlays;
in
final
