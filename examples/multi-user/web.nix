{
  networking.hostName = "web";

  users.users = {
    deployer = {
      isNormalUser = true;
      openssh.authorizedKeys.keys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBTyourOwnPublicKeyGoesHere00000000000000000 you@example.org"
      ];
    };
    shop = {
      isNormalUser = true;
      homeMode = "711"; # nginx has to get through
    };
  };

  # Whoever may copy unsigned paths may become root. See docs/security.md for signing instead.
  nix.settings.trusted-users = [ "deployer" ];

  security.sudo.extraRules = [
    {
      users = [ "deployer" ];
      # root for the system, shop for the site, and nobody else.
      runAs = "root,shop";
      commands = [
        {
          command = "ALL";
          options = [ "NOPASSWD" ];
        }
      ];
    }
  ];

  services.openssh.enable = true;
  services.nginx = {
    enable = true;
    virtualHosts."web.example.org".root = "/home/shop/www";
  };

  boot.loader.systemd-boot.enable = true;
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };
  system.stateVersion = "25.11";
}
