# Packages and profiles without nixpkgs: raw derivations that a shell builds in no time.
system:
let
  shell = name: attributes: script: derivation ({
    inherit name system;
    builder = "/bin/sh";
    args = [ "-ec" "PATH=/usr/bin:/bin\n${script}" ];
  } // attributes);
in
{
  # A program that says which version it is, and what it is linked to.
  package = name: version: inputs:
    shell "${name}-${version}"
      {
        inherit inputs;
        program = ''
          #!/bin/sh
          echo ${name} ${version}
          for input in ${toString inputs}; do "$input"/bin/*; done
        '';
      }
      ''
        mkdir -p $out/bin $out/share
        printf %s "$program" > $out/bin/${name}
        chmod +x $out/bin/${name}
        yes "the library of ${name} ${version}" | head -c 2000000 > $out/share/library
      '';

  # Its activation is where a system would be switched; here a line in a log shows it.
  profile = name: packages:
    shell "${name}-profile"
      {
        inherit packages;
        activation = ''
          #!/bin/sh
          echo "activated $PROFILE" >> /var/log/${name}
        '';
      }
      ''
        mkdir -p $out/bin
        for package in $packages; do ln -s $package/bin/* $out/bin; done
        printf %s "$activation" > $out/deploy-rs-activate
        chmod +x $out/deploy-rs-activate
      '';
}
