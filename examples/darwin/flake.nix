# A Mac with nix-darwin. It is deployed to from anywhere; the agent for macOS has to be built on a
# Mac, or by a remote builder that is one.
{
  description = "A Mac";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-25.11-darwin";
  inputs.nix-darwin.url = "github:nix-darwin/nix-darwin/nix-darwin-25.11";
  inputs.nix-darwin.inputs.nixpkgs.follows = "nixpkgs";
  inputs.deploy.url = "github:<owner>/deploy";
  inputs.deploy.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    {
      self,
      nixpkgs,
      nix-darwin,
      deploy,
    }:
    let
      system = "aarch64-darwin";
      inherit (deploy.lib.${system}) activate deployChecks;
    in
    {
      darwinConfigurations.mini = nix-darwin.lib.darwinSystem {
        inherit system;
        modules = [ ./mini.nix ];
      };

      deploy.nodes.mini = {
        # "Remote Login" has to be on in the system settings.
        hostname = "mini.local";
        # macOS lets nobody log in as root, so an administrator does, and becomes root.
        sshUser = "admin";
        profiles.system = {
          user = "root";
          path = activate.darwin self.darwinConfigurations.mini;
        };
      };

      checks.${system} = deployChecks self.deploy;
    };
}
