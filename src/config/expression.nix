deploy:
let
  inherit (builtins) attrNames deepSeq elem elemAt filter genList getContext isAttrs length listToAttrs toJSON trace typeOf;

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

  # What the first of several evaluators takes; `deploy` deals the rest. Neighbours by name are alike,
  # so it takes every so-manieth node.
  atMost = limit: number: if limit == null || number <= limit then number else limit;
  atLeast = limit: number: if number >= limit then number else limit;
  rounded = number: by: (number + by - 1) / by;
  count = length chosenNodes;
  even = rounded count (atLeast 1 (atMost evaluators (count / leastNodes)));
  hands = rounded count (atLeast 1 (atMost mostNodes even));
  share =
    if !wantsPaths then chosenNodes
    else genList (index: elemAt chosenNodes (index * hands)) (rounded count (atLeast 1 hands));

  # In the order of the share, so that an evaluation that fails has failed at the first node not told.
  told = name:
    let value = overProfiles target name nodes.${name}; in
    deepSeq value (trace "${doneMark}${toJSON name}" { inherit name value; });
  targets = map told share;

  begun = { inherit settings share; };
in
trace "${begunMark}${toJSON begun}" (begun // {
  targets = if wantsPaths then deepSeq targets (listToAttrs targets) else { };
})
