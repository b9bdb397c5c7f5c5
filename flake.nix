{
  description = "Plan and apply changes to fleets of NixOS and Nix machines described by a flake";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  # The names are those of deploy-rs's flake, so that an input can point here instead.
  outputs =
    { self, nixpkgs, ... }:
    let
      systems = [
        "aarch64-darwin"
        "aarch64-linux"
        "x86_64-darwin"
        "x86_64-linux"
      ];
      forEach =
        make:
        builtins.listToAttrs (
          map (system: {
            name = system;
            value = make (
              import nixpkgs {
                inherit system;
                overlays = [ self.overlays.default ];
              }
            );
          }) systems
        );
      packages = pkgs: rec {
        default = deploy;
        deploy = pkgs.deploy-rs.deploy-rs;
        deploy-rs = deploy;
        inherit (pkgs.deploy-rs) agent;
      };
      apps = pkgs: rec {
        default = deploy;
        deploy = {
          type = "app";
          program = "${pkgs.deploy-rs.deploy-rs}/bin/deploy";
        };
        deploy-rs = deploy;
      };
    in
    {
      overlays.default = import ./nix/overlay.nix;
      nixosModules.default = import ./nix/module.nix;
      packages = forEach packages;
      apps = forEach apps;
      lib = forEach (pkgs: pkgs.deploy-rs.lib);
      checks = forEach (pkgs: {
        deploy = pkgs.deploy-rs.deploy-rs;
      });
      devShells = forEach (pkgs: {
        default = import ./nix/shell.nix pkgs;
      });

      # What flakes of Nix 2.3 to 2.6 were asked for, and some still ask for.
      overlay = self.overlays.default;
      defaultPackage = forEach (pkgs: (packages pkgs).default);
      defaultApp = forEach (pkgs: (apps pkgs).default);
    };
}
