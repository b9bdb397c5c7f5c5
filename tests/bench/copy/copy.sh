# One copy per node, at the same time. Takes the scheme of the stores, a path and addresses.
set -euo pipefail

scheme=$1
path=$2
shift 2
copies=()
for address; do
    nix --extra-experimental-features nix-command copy --no-check-sigs --to "$scheme://root@$address" "$path" &
    copies+=($!)
done
for number in "${copies[@]}"; do wait "$number"; done
