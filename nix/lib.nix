# Makes closures that can be deployed: `activate.nixos` of a NixOS system, `activate.custom` of
# anything with a script. `import ./lib.nix pkgs` takes no more of nixpkgs than is named here
# and in ./checks.nix.
#
# They are laid out as deploy-rs lays out its own, so that either tool deploys them. What is added
# is `deploy.json`: it tells deploy's agent what the closure is, and which single actions its
# script takes in DEPLOY_ACTION. Without that variable the script does what deploy-rs's does.
{
  buildEnv,
  runtimeShell,
  writeScript,
  writeTextFile,
  # What deploy-rs's own client calls in a closure. Without it only deploy deploys them.
  agent ? null,
  ...
}@nixpkgs:
let
  # The actions that are given, by the values of DEPLOY_ACTION.
  branches =
    actions:
    builtins.concatStringsSep "\n" (
      map (action: ''
        ${action})
          ${actions.${action}}
          ;;
      '') (builtins.attrNames actions)
    );

  script =
    {
      activate,
      dryActivate,
      boot,
      actions,
    }:
    ''
      #!${runtimeShell}
      set -euo pipefail

      if [[ "''${DRY_ACTIVATE:-}" == 1 ]]; then
        ${dryActivate}
        exit
      fi
      if [[ "''${BOOT:-}" == 1 ]]; then
        ${boot}
        exit
      fi
      case "''${DEPLOY_ACTION:-}" in
      ${branches actions}
      "")
        ${activate}
        ;;
      *)
        echo "this closure knows no action $DEPLOY_ACTION" >&2
        exit 64
        ;;
      esac
    '';

  # The agent knows by the name that it is called as deploy-rs calls it.
  activateRs =
    base:
    if agent == null then
      [ ]
    else
      [
        (writeTextFile {
          name = "${base.name}-activate-rs";
          destination = "/activate-rs";
          executable = true;
          text = ''
            #!${runtimeShell}
            exec -a activate-rs ${agent}/bin/activate "$@"
          '';
        })
      ];

  # `custom BASE SCRIPT`; `(custom // { dryActivate = …; boot = …; }) BASE SCRIPT` says also what a
  # dry activation and one for the next boot do.
  custom = {
    kind = "custom";
    actions = { };
    __functor =
      self: base: activate:
      let
        shown = "echo ${writeScript "activate" activate}";
      in
      buildEnv {
        name = "activatable-${base.name}";
        paths = [
          base
          (writeTextFile {
            name = "${base.name}-activate-path";
            destination = "/deploy-rs-activate";
            executable = true;
            text = script {
              inherit activate;
              inherit (self) actions;
              dryActivate = self.dryActivate or shown;
              boot = self.boot or shown;
            };
          })
          (writeTextFile {
            name = "${base.name}-deploy.json";
            destination = "/deploy.json";
            text = builtins.toJSON {
              format_version = 1;
              inherit (self) kind;
              actions = builtins.attrNames self.actions;
            };
          })
        ]
        ++ activateRs base;
      };
  };

  nixos =
    base:
    let
      inherit (base.config.boot) loader;
      # In a folder that every part of it can enter: https://github.com/NixOS/nixpkgs/issues/73404
      run = action: ''cd /tmp; "$PROFILE/bin/switch-to-configuration" ${action}'';
      # The profile leads to a closure around the system, which the installer of systemd-boot
      # finds in no generation. Its default would stay what it was; without one the newest boots.
      bootNewest =
        if loader.systemd-boot.enable or false then
          "; sed -i '/^default /d' '${loader.efi.efiSysMountPoint}/loader/loader.conf'"
        else
          "";
    in
    (
      custom
      // {
        kind = "nixos";
        dryActivate = run "dry-activate";
        boot = run "boot" + bootNewest;
        actions = {
          test = run "test";
          boot = run "boot" + bootNewest;
        };
      }
    )
      base.config.system.build.toplevel
      (run "switch" + bootNewest);

  home-manager = base: custom base.activationPackage "$PROFILE/activate";

  # sudo on macOS keeps the HOME of whoever called it, in which nix-darwin would look for channels.
  darwin = base: custom base.config.system.build.toplevel "HOME=/var/root $PROFILE/activate";

  noop = base: custom base ":";
in
{
  activate = {
    inherit
      custom
      darwin
      home-manager
      nixos
      noop
      ;
  };

  # The name that `activate.custom` had once.
  setActivate = builtins.trace "setActivate is deprecated: use activate.custom, nixos or noop" custom;

  deployChecks = import ./checks.nix nixpkgs;
}
