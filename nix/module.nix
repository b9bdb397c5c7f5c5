# For NixOS hosts that are deployed to: takes back at boot what nobody confirmed before a reset,
# and has the agent at a path that rules for sudo can name:
# /run/current-system/sw/libexec/deploy/activate
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.deploy-agent;
  agent = "${cfg.package}/bin/activate";
  # What an activation over ssh finds.
  path = [
    "/run/wrappers"
    "/run/current-system/sw"
  ];
  # An activation that this very service runs must not end it.
  unitConfig = {
    RequiresMountsFor = "/nix/store /nix/var/nix/profiles";
    X-StopOnRemoval = false;
    X-StopOnReconfiguration = false;
  };
in
{
  options.services.deploy-agent = {
    enable = lib.mkEnableOption "recovery at boot from deployments that were not confirmed";
    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.pkgsStatic.callPackage ./agent.nix { };
      description = "The package with the agent.";
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [
      (pkgs.runCommand "deploy-agent-libexec" { } ''
        mkdir -p "$out/libexec/deploy"
        ln -s ${agent} "$out/libexec/deploy/activate"
      '')
    ];
    environment.pathsToLink = [ "/libexec/deploy" ];

    # The same units as in examples/systemd, where their settings are explained.
    systemd.services.deploy-recover-early = {
      description = "Take back unconfirmed deployments as far as nothing has to be started";
      inherit path;
      unitConfig = unitConfig // {
        DefaultDependencies = false;
      };
      after = [ "local-fs.target" ];
      before = [
        "sysinit.target"
        "shutdown.target"
      ];
      conflicts = [ "shutdown.target" ];
      wantedBy = [ "sysinit.target" ];
      restartIfChanged = false;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${agent} recover --early";
        TimeoutStartSec = "5min";
      };
    };

    systemd.services.deploy-recover = {
      description = "Take back unconfirmed deployments";
      inherit path unitConfig;
      after = [
        "multi-user.target"
        "deploy-recover-early.service"
      ];
      wantedBy = [ "multi-user.target" ];
      restartIfChanged = false;
      serviceConfig = {
        Type = "exec";
        RemainAfterExit = true;
        ExecStart = "${agent} recover";
        KillMode = "process";
      };
    };
  };
}
