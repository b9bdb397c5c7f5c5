# What both machines have.
{
  services.openssh = {
    enable = true;
    settings.PasswordAuthentication = false;
  };
  # Without a key that can log in, no deployment is ever confirmed: each is taken back.
  users.users.root.openssh.authorizedKeys.keys = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBTyourOwnPublicKeyGoesHere00000000000000000 you@example.org"
  ];

  # Of your machine; `nixos-generate-config` writes what it needs.
  boot.loader.systemd-boot.enable = true;
  fileSystems."/" = {
    device = "/dev/disk/by-label/nixos";
    fsType = "ext4";
  };

  system.stateVersion = "25.11";
}
