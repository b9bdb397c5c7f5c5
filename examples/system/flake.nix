# Two NixOS machines. `deploy plan` shows what would change, `deploy apply` makes it so.
{
  description = "Two NixOS machines";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";
  inputs.deploy.url = "github:<owner>/deploy";
  # One nixpkgs for both: the agent in the closures is then built with yours.
  inputs.deploy.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    {
      self,
      nixpkgs,
      deploy,
    }:
    let
      system = "x86_64-linux";
      inherit (deploy.lib.${system}) activate deployChecks;

      machine =
        module:
        nixpkgs.lib.nixosSystem {
          inherit system;
          modules = [
            ./common.nix
            module
          ];
        };
    in
    {
      # The machines as such: `nixos-rebuild --flake .#web` would take the same.
      nixosConfigurations = {
        db = machine ./db.nix;
        web = machine ./web.nix;
      };

      deploy = {
        # What holds for all nodes. A node or a profile may say otherwise.
        sshUser = "root";
        user = "root";

        nodes.db = {
          hostname = "db.example.org";
          profiles.system.path = activate.nixos self.nixosConfigurations.db;
        };

        nodes.web = {
          hostname = "web.example.org";
          # The database comes first. Should it fail, the web server is left as it is.
          dependsOn = [ "db" ];
          # A full web server starts slowly: give it a minute to prove that it can be reached.
          confirmTimeout = 60;
          profiles.system.path = activate.nixos self.nixosConfigurations.web;
        };
      };

      # `nix flake check` finds misspelled options, and profiles that nothing activates.
      checks.${system} = deployChecks self.deploy;
    };
}
