deploy:
let
  inherit (builtins) attrNames elem filter getContext head isAttrs isFunction listToAttrs mapAttrs toJSON trace typeOf;

  # A value as data: what cannot be data keeps its type only.
  describe = value:
    let type = typeOf value; in
    if type == "lambda" then { inherit type; value = null; }
    else if type == "path" then { type = "string"; value = toString value; }
    else { inherit type value; };

  optionsOf = known: structural: attrs: {
    type = typeOf attrs;
    options = if !isAttrs attrs then { } else
      listToAttrs (map (name: { inherit name; value = describe attrs.${name}; })
        (filter (name: attrs ? ${name}) known));
    unknown = if !isAttrs attrs then [ ] else
      filter (name: !(elem name known || elem name structural)) (attrNames attrs);
  };

  keep = wanted: names:
    if wanted == null then names else filter (name: elem name wanted) names;
  drop = unwanted: names:
    if unwanted == null then [ ] else filter (name: !(elem name unwanted)) names;

  nodes = if isAttrs deploy && deploy ? nodes && isAttrs deploy.nodes then deploy.nodes else { };
  profilesOf = node: if isAttrs node && node ? profiles && isAttrs node.profiles then node.profiles else { };

  chosenNodes =
    filter (name: !(excluded ? ${name} && excluded.${name} == null))
      (keep (if selected == null then null else attrNames selected) (attrNames nodes));
  chosenProfiles = name: node:
    (if excluded ? ${name} then drop excluded.${name} else (names: names))
      (keep (if selected == null then null else selected.${name}) (attrNames (profilesOf node)));

  overNodes = f: listToAttrs (map (name: { inherit name; value = f name nodes.${name}; }) chosenNodes);
  overProfiles = f: name: node:
    listToAttrs (map (profile: { name = profile; value = f (profilesOf node).${profile}; }) (chosenProfiles name node));

  settings = {
    fleet = optionsOf generic fleetOwn deploy;
    nodesType = if isAttrs deploy && deploy ? nodes then typeOf deploy.nodes else null;
    nodeNames = attrNames nodes;
    nodes = overNodes (name: node: optionsOf (generic ++ nodeOwn) [ "profiles" ] node // {
      profilesType = if isAttrs node && node ? profiles then typeOf node.profiles else null;
      profileNames = attrNames (profilesOf node);
      profiles = overProfiles
        (profile: optionsOf (generic ++ profileOwn) [ "path" ] profile // { hasPath = isAttrs profile && profile ? path; })
        name node;
    });
  };

  # Interpolation instead of outPath: it takes derivations, paths and strings alike.
  target = profile:
    if !(isAttrs profile && profile ? path) then { type = null; }
    else
      let
        value = profile.path;
        type = typeOf value;
        usable = elem type [ "string" "path" ] || (isAttrs value && (value ? outPath || value ? __toString));
        text = "${value}";
        context = getContext text;
        derivations = filter (name: context.${name} ? outputs) (attrNames context);
      in
      if !usable then { inherit type; }
      else {
        inherit type derivations;
        storePath = text;
        drvPath = if isAttrs value && value ? drvPath then value.drvPath else null;
      };
in
trace "${mark}${toJSON settings}" {
  inherit settings;
  targets = if wantsPaths then overNodes (overProfiles target) else { };
}
