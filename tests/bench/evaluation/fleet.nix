# A fleet of heavy nodes, which take about a second of evaluation and 100 MB each beside what they
# have in common, or of light ones, which take next to nothing.
{ nodes, isHeavy, system }:
let
  inherit (builtins) deepSeq foldl' genList length listToAttrs toString;

  texts = name: genList (number: "${name} ${toString number}") 900000;
  work = amount: foldl' (sum: number: sum + number) 0 (genList (number: number * amount) 2000000);

  light = name: derivation {
    inherit name system;
    builder = "/bin/sh";
    args = [ "-c" "echo >$out" ];
  };
  # As Nixpkgs is for systems.
  common = texts "common";
  # The texts are kept as long as the profile is, as the configuration of a system is.
  heavy = name:
    let own = texts name; in
    deepSeq [ common own (work (length own)) ] (light name // { inherit own; });

  node = number:
    let name = "node${toString number}"; in
    {
      inherit name;
      value = {
        hostname = "${name}.example.org";
        profiles.app.path = (if isHeavy then heavy else light) name;
      };
    };
in
{
  sshUser = "root";
  user = "root";
  nodes = listToAttrs (genList node nodes);
}
