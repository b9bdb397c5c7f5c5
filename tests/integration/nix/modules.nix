# What NixOS, nix-darwin and home-manager make of their modules, for this stand-in: the definitions
# merged and written down, with a program laid out as theirs is, which logs that it was run.
{ system }:
let
  pkgs = import ./. { inherit system; };

  isSet = value: builtins.isAttrs value && !(value ? outPath);
  merge =
    left: right:
    if isSet left && isSet right then
      left // builtins.mapAttrs (name: value: if left ? ${name} then merge left.${name} value else value) right
    else if builtins.isList left && builtins.isList right then
      left ++ right
    else
      right;
  load =
    module:
    if builtins.isPath module || builtins.isString module then
      load (import module)
    else if builtins.isFunction module then
      module { inherit pkgs; inherit (pkgs) lib; }
    else
      module;
  evaluate = modules: builtins.foldl' (merged: module: merge merged (load module)) { } modules;

  closure =
    definitions: destination: words:
    pkgs.runCommand "closure"
      {
        definitions = builtins.toJSON definitions;
        program = ''
          #!/bin/sh
          export PATH=/bin:/usr/bin
          umask 0
          mkdir -p /run/boot/loader && touch /run/boot/loader/loader.conf
          echo "${words}" >> /var/lib/activations/examples
        '';
      }
      ''
        mkdir -p "$(dirname "$out${destination}")"
        printf %s "$definitions" > "$out/definitions.json"
        printf %s "$program" > "$out${destination}"
        chmod 555 "$out${destination}"
      '';
in
{
  nixosSystem =
    { modules }:
    let
      definitions = evaluate modules;
    in
    {
      config = {
        boot.loader = merge { efi.efiSysMountPoint = "/run/boot"; } definitions.boot.loader;
        system.build.toplevel =
          closure definitions "/bin/switch-to-configuration"
            "${definitions.networking.hostName} $1";
      };
    };

  darwinSystem =
    { modules }:
    {
      config.system.build.toplevel = closure (evaluate modules) "/activate" "darwin";
    };

  homeManagerConfiguration =
    { modules }:
    let
      definitions = evaluate modules;
    in
    {
      activationPackage = closure definitions "/activate" "home of ${definitions.home.username}";
    };
}
