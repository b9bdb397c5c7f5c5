# The same without flakes: `deploy plan` in this folder, or `deploy plan --file path/to/default.nix`.
# It is called with `{ }`. Pin both arguments (with npins, niv or a commit in the URL) before others
# depend on them: nothing else locks what a file takes.
{
  pkgs ? import <nixpkgs> { },
  deploy ? fetchTarball "https://github.com/<owner>/deploy/archive/main.tar.gz",
}:
let
  # No agent is in these closures: `deploy` brings its own, and deploy-rs cannot deploy them.
  inherit (import "${deploy}/nix/lib.nix" pkgs) activate deployChecks;

  greeting = pkgs.writeTextFile {
    name = "greeting";
    destination = "/share/motd";
    text = "This machine is looked after by deploy.\n";
  };

  fleet = {
    sshUser = "root";
    user = "root";

    nodes.web = {
      hostname = "web.example.org";
      profilesOrder = [ "system" ];
      profiles.system.path = activate.nixos (pkgs.nixos ./web.nix);
      profiles.greeting.path = activate.custom greeting ''
        ln -sfn "$PROFILE/share/motd" /etc/motd
      '';
    };
  };
in
{
  deploy = fleet;
  # Built by `--checks`, and by `deploy` without a command.
  checks.${builtins.currentSystem} = deployChecks fleet;
}
