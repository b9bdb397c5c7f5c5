# The web team's machine. It has a lock of its own: what the mail team updates does not change it.
# All of the repository at once, in one plan: `deploy apply ./web ./mail`.
{
  description = "The web team";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";
  inputs.deploy.url = "github:<owner>/deploy";
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
    in
    {
      nixosConfigurations.web = nixpkgs.lib.nixosSystem {
        inherit system;
        modules = [
          # Of the repository around this flake, which must be a Git repository for that.
          ../common.nix
          {
            networking.hostName = "web";
            services.nginx.enable = true;
            networking.firewall.allowedTCPPorts = [ 80 ];
          }
        ];
      };

      # Names of nodes must be different in all flakes that are deployed together.
      deploy.nodes.web = {
        hostname = "web.example.org";
        sshUser = "root";
        profiles.system.path = activate.nixos self.nixosConfigurations.web;
      };

      checks.${system} = deployChecks self.deploy;
    };
}
