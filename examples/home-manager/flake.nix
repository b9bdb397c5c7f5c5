# The home of one user on a machine that somebody else looks after: any Linux with Nix will do.
# Nothing here needs root, neither on this machine nor on that one; but the Nix of that one has to
# trust `alice`, or a key that you sign with (LOCAL_KEY).
{
  description = "A home on another machine";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.11";
  inputs.home-manager.url = "github:nix-community/home-manager/release-25.11";
  inputs.home-manager.inputs.nixpkgs.follows = "nixpkgs";
  inputs.deploy.url = "github:<owner>/deploy";
  inputs.deploy.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    {
      self,
      nixpkgs,
      home-manager,
      deploy,
    }:
    let
      system = "x86_64-linux";
      inherit (deploy.lib.${system}) activate deployChecks;
    in
    {
      homeConfigurations.alice = home-manager.lib.homeManagerConfiguration {
        pkgs = nixpkgs.legacyPackages.${system};
        modules = [ ./home.nix ];
      };

      deploy.nodes.workstation = {
        hostname = "workstation.example.org";
        # The user who logs in is the one whose profile it is: no sudo.
        sshUser = "alice";
        # Not `home-manager`: a profile of that name is home-manager's own, and changed by it.
        profiles.home.path = activate.home-manager self.homeConfigurations.alice;
      };

      checks.${system} = deployChecks self.deploy;
    };
}
