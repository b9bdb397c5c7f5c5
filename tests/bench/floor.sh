#!/usr/bin/env bash
# The least that brings nodes to what a flake says: the programs that any tool has to call,
# with nothing around them. Takes a flake and the path of a profile, and prints a line
# with the name and the microseconds of each call.
set -euo pipefail

export NIX_CONFIG='extra-experimental-features = nix-command flakes'
flake=$1
profile=$2
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

read_state() {
    ssh -S "$2" "root@$1" "readlink $profile $profile-*-link; cat /proc/sys/kernel/random/boot_id" >/dev/null
}

activate() {
    ssh -S "$2" "root@$1" "nix-env --profile $profile --set $3 && PROFILE=$profile $3/deploy-rs-activate"
}

node() {
    local address=$1 path=$3 socket=$sockets/$1
    # The master must not hold the output, or whoever reads it waits for the master.
    timed login ssh -M -N -f -S "$socket" "root@$address" >/dev/null 2>&1
    timed read read_state "$address" "$socket"
    NIX_SSHOPTS="-S $socket" timed copy nix copy --no-check-sigs --to "ssh://root@$address" "$path"
    timed activate activate "$address" "$socket" "$path"
    timed 'fresh login' ssh -o ControlPath=none "root@$address" true
    ssh -S "$socket" -O exit "root@$address" 2>/dev/null
}

mapfile -t fleet < <(timed evaluate evaluate)
mapfile -t derivations < <(printf '%s\n' "${fleet[@]}" | cut -d ' ' -f 2)
timed build nix-store --realise "${derivations[@]}" >/dev/null 2>&1

nodes=()
for line in "${fleet[@]}"; do
    # shellcheck disable=SC2086
    node $line &
    nodes+=($!)
done
for number in "${nodes[@]}"; do wait "$number"; done
