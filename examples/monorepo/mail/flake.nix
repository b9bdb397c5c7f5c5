# The mail team's machine. See ../web/flake.nix.
{
  description = "The mail team";

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
      nixosConfigurations.mail = nixpkgs.lib.nixosSystem {
        inherit system;
        modules = [
          # Of the repository around this flake, which must be a Git repository for that.
          ../common.nix
          {
            networking.hostName = "mail";
            services.postfix.enable = true;
            networking.firewall.allowedTCPPorts = [ 25 ];
          }
        ];
      };

      # Names of nodes must be different in all flakes that are deployed together.
      deploy.nodes.mail = {
        hostname = "mail.example.org";
        sshUser = "root";
        profiles.system.path = activate.nixos self.nixosConfigurations.mail;
      };

      checks.${system} = deployChecks self.deploy;
    };
}
