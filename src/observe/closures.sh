# Reads the closures of the given paths, and which of the paths on standard input are not valid.
# Fields end with NUL, as in script.sh.
LC_ALL=C
export LC_ALL
mark=$1
nix=$2
shift 2
printf "%s\0" "$mark" begin
for path in "$@"; do
  closure=$("$nix/nix-store" --query --requisites "$path" 2>/dev/null </dev/null)
  sizes=$(printf "%s\n" "$closure" | xargs -r "$nix/nix-store" --query --size 2>/dev/null)
  # What a system or a home names itself, and not only needs.
  direct=
  for environment in "$path/sw" "$path/home-path"; do
    if [ -e "$environment" ]; then
      direct=$("$nix/nix-store" --query --references "$(readlink -f "$environment")" 2>/dev/null </dev/null)
    fi
  done
  printf "%s\0" closure "$path" "$closure" "$sizes" "$direct"
done
if missing=$(xargs -r "$nix/nix-store" --check-validity --print-invalid 2>/dev/null); then
  printf "%s\0" missing "$missing"
fi
printf "%s\0" "$mark" end
