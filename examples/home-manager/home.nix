{ pkgs, ... }:
{
  home = {
    username = "alice";
    homeDirectory = "/home/alice";
    packages = [ pkgs.hello ];
    stateVersion = "25.11";
  };
  programs.git = {
    enable = true;
    userName = "Alice";
    userEmail = "alice@example.org";
  };
}
