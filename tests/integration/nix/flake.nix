{
  description = "A stand-in for nixpkgs, and for what is built upon it";

  outputs =
    { self }:
    let
      systems = [
        "aarch64-darwin"
        "aarch64-linux"
        "x86_64-darwin"
        "x86_64-linux"
      ];
    in
    {
      legacyPackages = builtins.listToAttrs (
        map (system: {
          name = system;
          value = import self { inherit system; };
        }) systems
      );

      lib = {
        nixosSystem = { system, modules }: (import ./modules.nix { inherit system; }).nixosSystem { inherit modules; };
        darwinSystem = { system, modules }: (import ./modules.nix { inherit system; }).darwinSystem { inherit modules; };
        homeManagerConfiguration =
          { pkgs, modules }:
          (import ./modules.nix { inherit (pkgs.stdenv.hostPlatform) system; }).homeManagerConfiguration {
            inherit modules;
          };
      };
    };
}
