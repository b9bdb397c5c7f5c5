# Checks for a flake's `checks`: `deployChecks self.deploy`. Each is a build, and both build all
# profiles of the fleet.
{
  check-jsonschema,
  runCommand,
  writeText,
  ...
}:
let
  quoted = text: "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] text}'";

  eachProfile =
    check: deploy:
    builtins.concatLists (
      builtins.attrValues (
        builtins.mapAttrs (
          node: { profiles, ... }: builtins.attrValues (builtins.mapAttrs (check node) profiles)
        ) deploy.nodes
      )
    );

  # Programs that deploy activates a closure by, the first of them that there is.
  findProgram = ''
    code=0
    has_program() {
      for program in deploy-rs-activate bin/switch-to-configuration activate; do
        [ ! -x "$1/$program" ] || return 0
      done
      echo "$2 has nothing to activate it: make its path with activate.nixos, activate.custom or another"
      code=1
    }
  '';
in
deploy: {
  # The options have the names and types that they should have.
  deploy-schema = runCommand "deploy-schema" { } ''
    ${check-jsonschema}/bin/check-jsonschema --schemafile ${../schema/deploy.schema.json} \
      ${writeText "deploy.json" (builtins.toJSON deploy)}
    touch "$out"
  '';

  # Every profile can be activated.
  deploy-activate = runCommand "deploy-activate" { } ''
    ${findProgram}
    ${builtins.concatStringsSep "\n" (
      eachProfile (
        node: name: { path, ... }: "has_program ${quoted "${path}"} ${quoted "${node}.${name}"}"
      ) deploy
    )}
    [ "$code" != 0 ] || touch "$out"
    exit "$code"
  '';
}
