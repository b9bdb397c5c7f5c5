{ pkgs, ... }:
{
  networking.hostName = "db";
  services.postgresql = {
    enable = true;
    package = pkgs.postgresql;
  };
}
