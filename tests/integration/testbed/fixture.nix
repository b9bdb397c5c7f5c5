# Profiles without nixpkgs: raw derivations that a shell builds in no time.
system:
let
  shell = name: attributes: text:
    derivation ({
      inherit name system;
      builder = "/bin/sh";
      args = [ "-ec" "export PATH=/bin:/usr/bin\n${text}" ];
    } // attributes);

  package = { name, version }: shell "${name}-${version}" { } ''echo "$name" > $out'';
in
{
  inherit shell package;

  # `script` runs after the activation has been logged, `build` while the profile is built,
  # and the profile is padded with so many MiB.
  profile = { name, version, packages, script, build, padding }:
    shell "${name}-${version}"
      {
        inherit packages;
        activation = ''
          #!/bin/sh
          umask 0
          mode=
          # As deploy-rs's own library asks: both are always set, to 0 or 1.
          [ "$DRY_ACTIVATE" != 1 ] || mode="dry "
          [ "$BOOT" != 1 ] || mode="boot $mode"
          echo "''${mode}${version}" >> /var/lib/activations/${name}
          umask 022
          ${script}
        '';
      }
      ''
        mkdir $out
        ${build}
        echo "$packages" > $out/packages
        printf %s "$activation" > $out/deploy-rs-activate
        chmod +x $out/deploy-rs-activate
        [ ${toString padding} = 0 ] || head -c ${toString padding}M /dev/urandom > $out/padding
      '';
}
