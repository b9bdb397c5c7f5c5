#!/usr/bin/env bash
# The least that brings nodes to what a flake says: the programs that any tool has to call,
# with nothing around them. Takes a flake, the path of a profile and `apply`, `plan` or `nix` (which looks
# at no node), and prints a line with the name and the microseconds of each call.
set -euo pipefail

export NIX_CONFIG='extra-experimental-features = nix-command flakes'
flake=$1
profile=$2
goal=$3
sockets=$(mktemp -d)
trap 'rm -rf "$sockets"' EXIT
exec 3>&1

timed() {
    local name=$1 begun=${EPOCHREALTIME/./}
    shift
    "$@"
    echo "$name $((${EPOCHREALTIME/./} - begun))" >&3
}

evaluate() {
    # shellcheck disable=SC2016
    nix eval --raw "$flake#deploy.nodes" --apply 'nodes: builtins.concatStringsSep "\n" (map
        (name: let node = nodes.${name}; path = node.profiles.app.path; in
            "${node.hostname} ${path.drvPath} ${path}") (builtins.attrNames nodes)) + "\n"'
}

node() {
    local address=$1 path=$3 socket=$sockets/$1
    on_node() { ssh -S "$socket" "root@$address" "$@"; }
    # The master must not hold the output, or whoever reads it waits for the master.
    timed login ssh -M -N -f -S "$socket" "root@$address" >/dev/null 2>&1
    timed read on_node "readlink -f $profile; cat /proc/sys/kernel/random/boot_id" >"$socket.state"
    if ! grep -qx "$path" "$socket.state" && [ "$goal" = plan ]; then
        timed closure on_node "nix-store --query --requisites $profile" >/dev/null
    elif ! grep -qx "$path" "$socket.state"; then
        NIX_SSHOPTS="-S $socket" timed copy nix copy --no-check-sigs --to "ssh://root@$address" "$path"
        timed activate on_node "nix-env --profile $profile --set $path && PROFILE=$profile $path/deploy-rs-activate"
        timed 'fresh login' ssh -o ControlPath=none "root@$address" true
    fi
    ssh -S "$socket" -O exit "root@$address" 2>/dev/null
}

mapfile -t fleet < <(timed evaluate evaluate)
mapfile -t derivations < <(printf '%s\n' "${fleet[@]}" | cut -d ' ' -f 2)
timed build nix-store --realise "${derivations[@]}" >/dev/null 2>&1
[ "$goal" != nix ] || exit 0

nodes=()
for line in "${fleet[@]}"; do
    # shellcheck disable=SC2086
    node $line &
    nodes+=($!)
done
for number in "${nodes[@]}"; do wait "$number"; done
