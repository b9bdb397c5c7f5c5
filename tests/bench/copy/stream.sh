# What the first node does not have of a closure is read once, and sent to all nodes, which
# are taken to miss the same. Takes a path and addresses.
set -euo pipefail

path=$1
shift
pipes=$(mktemp -d)
trap 'rm -rf "$pipes"' EXIT
nix-store --query --requisites "$path" >"$pipes/closure"
ssh "root@$1" xargs nix-store --check-validity --print-invalid <"$pipes/closure" >"$pipes/missing"
imports=()
for address; do
    mkfifo "$pipes/$address"
    ssh "root@$address" nix-store --import <"$pipes/$address" >/dev/null &
    imports+=($!)
done
# References come before what refers to them: they do in a closure's list.
xargs --arg-file "$pipes/missing" nix-store --export | tee "${@/#/$pipes/}" >/dev/null
for number in "${imports[@]}"; do wait "$number"; done
