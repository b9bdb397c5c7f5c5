{ pkgs, ... }:
{
  networking.hostName = "mini";
  nixpkgs.hostPlatform = "aarch64-darwin";
  environment.systemPackages = [ pkgs.git ];

  # `deploy` never types a password; with `interactiveSudo = true` in the node it would ask for one.
  security.sudo.extraConfig = "admin ALL=(root) NOPASSWD: ALL";
  nix.settings.trusted-users = [ "admin" ];

  system.stateVersion = 6;
}
