# The few trivial builders of nixpkgs that nix/lib.nix takes, done with what this machine has.
{
  system ? builtins.currentSystem,
}:
let
  build =
    name: variables: script:
    derivation (
      variables
      // {
        inherit name system;
        builder = "/bin/sh";
        args = [
          "-euc"
          "export PATH=/bin:/usr/bin; ${script}"
        ];
      }
    );

  writeTextFile =
    {
      name,
      text,
      executable ? false,
      destination ? "",
    }:
    build name { inherit text; } ''
      mkdir -p "$(dirname "$out${destination}")"
      printf %s "$text" > "$out${destination}"
      chmod ${if executable then "555" else "444"} "$out${destination}"
    '';
in
{
  inherit writeTextFile;
  runtimeShell = "/bin/bash";
  runCommand = build;
  writeText = name: text: writeTextFile { inherit name text; };
  # Debian has the same validator without this program around it.
  check-jsonschema = writeTextFile {
    name = "check-jsonschema";
    destination = "/bin/check-jsonschema";
    executable = true;
    text = ''
      #!/bin/sh
      [ "$1" = --schemafile ] || exit 64
      exec /usr/bin/python3 -m jsonschema --instance "$3" "$2"
    '';
  };
  writeScript =
    name: text:
    writeTextFile {
      inherit name text;
      executable = true;
    };
  # What several have in common would have to be merged; the closures here have nothing in common.
  buildEnv =
    { name, paths }:
    build name { inherit paths; } ''
      mkdir "$out"
      for path in $paths; do
        ln -s "$path"/* "$out/"
      done
    '';
}
