# One machine, three users: `deployer` logs in, and may become nobody but the two who own a profile.
# The system belongs to root. The site belongs to `shop`, whose part changes every day: it can be
# deployed alone with `deploy apply .#web.site`, and needs no root at all.
{
  description = "Profiles of several users on one machine";

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
      pkgs = nixpkgs.legacyPackages.${system};
      inherit (deploy.lib.${system}) activate deployChecks;

      site = pkgs.runCommand "site" { } ''
        mkdir -p "$out/share"
        cp -r ${./site} "$out/share/site"
      '';
    in
    {
      nixosConfigurations.web = nixpkgs.lib.nixosSystem {
        inherit system;
        modules = [ ./web.nix ];
      };

      deploy.nodes.web = {
        hostname = "web.example.org";
        # A plain user. Whoever is not this user is reached through `sudo -u`.
        sshUser = "deployer";
        # The system makes the users that the rest belongs to.
        profilesOrder = [
          "system"
          "site"
        ];

        profiles.system = {
          user = "root";
          path = activate.nixos self.nixosConfigurations.web;
        };

        profiles.site = {
          user = "shop";
          # Run by `shop`; $PROFILE is the profile, and so the same path in every generation.
          path = activate.custom site ''
            ln -sfn "$PROFILE/share/site" "$HOME/www"
          '';
        };
      };

      checks.${system} = deployChecks self.deploy;
    };
}
