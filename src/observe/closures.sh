# Reads the closures of the given paths, and which of the paths on standard input are not valid. With unit files
# of targets on standard input, one in a line, it tells how those in the folders that are named there differ. Fields end with NUL, as in
# script.sh.
LC_ALL=C
export LC_ALL
field() { printf "%s\0" "$@"; }

mark=$1
nix=$2
most=$3
shift 3
input=$(cat)
# The lines of standard input that start with word $1, without it.
lines() { printf "%s\n" "$input" | sed -n "s/^$1 //p"; }
tab=$(printf "\t")

# The places of unit files in this folder with the text of each link, or the hash of each file. What cannot be looked
# at becomes a line without a tab.
places() {
  find . -mindepth 1 -maxdepth 2 \( -type l -printf "%P\t%l\n" -o -type f ! -readable -printf "%P\t?\n" \) 2>&1
  find . -mindepth 1 -maxdepth 2 -type f -readable -exec sha256sum -z -- {} + 2>/dev/null | tr "\0" "\n" |
    sed "s/^\([0-9a-f]\{64\}\)  \.\/\(.*\)/\2${tab}sha256:\1/"
}

# Sends what is at place $1, the file $2. Of those that a unit pulls in only the names matter.
send() {
  case $1 in
    *.d/*) ;;
    */*)
      field file "$1" pulled
      return
      ;;
  esac
  if [ -c "$2" ]; then
    field file "$1" masked
  elif [ -d "$2" ]; then
    for file in "$2"/*.conf; do
      if [ -e "$file" ]; then send "$1/${file##*/}" "$file"; fi
    done
  elif [ -r "$2" ]; then
    # A NUL would not get through a variable, nor line ends at the end.
    field file "$1" text "$(head -c "$most" -- "$2" | tr "\0" "\001"; echo .)"
  elif [ -e "$2" ]; then
    field file "$1" unreadable
  elif [ -L "$2" ]; then
    field file "$1" broken
  fi
}

# Tells how the files in folder $2 differ from the lines that came for it, and sends what is in those that do.
units() {
  cd "$2" 2>/dev/null || return
  here=$(places)
  there=$(lines "$1")
  # Lines that stand only here, or only there: what is there is in the first list twice, and so on.
  other=$(printf "%s\n" "$there" "$there" "$here" | sort | uniq -u)
  field units "$1" "$(printf "%s\n" "$here" "$here" "$there" | sort | uniq -u)"
  printf "%s\n" "$other" | while IFS= read -r line; do
    case $line in
      *"$tab"*) send "${line%%"$tab"*}" "./${line%%"$tab"*}" ;;
      ?*) field unseen "$line" ;;
    esac
  done
}

field "$mark" begin
for path in "$@"; do
  # The newer program tells paths and sizes in one call; where there is none, or it refuses, the older one takes two.
  sizes=
  closure=$("$nix/nix" --extra-experimental-features nix-command path-info --recursive --size "$path" 2>/dev/null </dev/null)
  if [ -z "$closure" ]; then
    closure=$("$nix/nix-store" --query --requisites "$path" 2>/dev/null </dev/null)
    sizes=$(printf "%s\n" "$closure" | xargs -r "$nix/nix-store" --query --size 2>/dev/null)
  fi
  # What a system or a home names itself, and not only needs.
  direct=
  for environment in "$path/sw" "$path/home-path"; do
    if [ -e "$environment" ]; then
      direct=$("$nix/nix-store" --query --references "$(readlink -f "$environment")" 2>/dev/null </dev/null)
    fi
  done
  field closure "$path" "$closure" "$sizes" "$direct"
done
if missing=$(lines path | xargs -r "$nix/nix-store" --check-validity --print-invalid 2>/dev/null); then
  field missing "$missing"
fi
lines units | while read -r word folder; do
  (units "$word" "$folder")
  if [ "$word" = system ]; then field fstab "$(head -c "$most" /etc/fstab 2>/dev/null)"; fi
done
field "$mark" end
