# Lists the files of profiles, or sends the text of some of them. Nothing outside of the store is looked at: a link that
# leads there may lead to a secret. Fields end with NUL, as in script.sh.
LC_ALL=C
export LC_ALL
field() { printf "%s\0" "$@"; }

mark=$1
wanted=$2
most=$3
files_max=$4
texts_max=$5
shift 5
tab=$(printf "\t")

# Lists this folder. Large files are known by their size, others by their hash. What cannot be looked at becomes a line
# without a tab.
entries() {
  find . -mindepth 1 \( -name "*[[:cntrl:]]*" -o -lname "*[[:cntrl:]]*" \) -prune -printf "a name with control characters\n" -o \
    -type d ! -executable -prune -printf "%P\thidden\t\n" -o -type d ! -readable -prune -printf "%P\thidden\t\n" -o \
    -type l -printf "%P\tlink\t%l\n" -o \
    -type f ! -readable -printf "%P\tfile\t?\n" -o \
    -type f -size +2048 -printf "%P\tfile\tsize:%s\n" 2>&1
  find . -mindepth 1 \( -name "*[[:cntrl:]]*" -o -type d ! -readable \) -prune -o -type f -readable -size -2049 -exec sha256sum -z -- {} + 2>/dev/null |
    tr "\0" "\n" | sed "s/^\([0-9a-f]\{64\}\)  \.\/\(.*\)/\2${tab}file${tab}sha256:\1/"
}

# Lists the files below folder $2, whose place is $1. $3 has the folders that led there, between bars.
list() {
  folder=$(cd -P "$2" 2>/dev/null && pwd)
  case $3 in
    *"|$folder|"* | *"|"*"|"*"|"*"|"*"|"*)
      printf "%s: its links lead in a circle\n" "${1%/}"
      return
      ;;
  esac
  case $folder in
    /nix/store/*) ;;
    *)
      printf "%s: it leads out of the store, or nowhere\n" "${1%/}"
      return
      ;;
  esac
  (cd "$folder" && entries) | while IFS= read -r line; do
    case $line in
      *"${tab}link${tab}/nix/store/"*)
        if [ -d "${line##*"$tab"}" ]; then
          list "$1${line%%"$tab"*}/" "${line##*"$tab"}" "$3$folder|"
        else
          printf "%s%s\n" "$1" "$line"
        fi
        ;;
      *"$tab"*) printf "%s%s\n" "$1" "$line" ;;
      *) printf "%s: %s\n" "${1%/}" "$line" ;;
    esac
  done
}

# Sends the text of file $2 of profile $1.
send() {
  file=$(readlink -f "$1/$2" 2>/dev/null)
  if [ "${file#/nix/store/}" = "$file" ] || [ ! -e "$file" ]; then
    field file "$1" "$2" gone ""
  elif [ ! -f "$file" ]; then
    field file "$1" "$2" other ""
  elif [ ! -r "$file" ]; then
    field file "$1" "$2" unreadable ""
  else
    # A NUL would not get through a variable, nor line ends at the end.
    text=$(head -c "$most" -- "$file" 2>/dev/null | tr "\0" "\001"; echo .)
    total=$((total + ${#text}))
    if [ -r "$file" ]; then field file "$1" "$2" text "$text"; else field file "$1" "$2" gone ""; fi
  fi
}

field "$mark" begin
if [ "$wanted" = list ]; then
  for path in "$@"; do
    [ -d "$path" ] || continue
    field tree "$path" "$(
      for root in etc home-files; do
        if [ -e "$path/$root" ]; then list "$root/" "$path/$root" "|"; fi
      done | head -n "$files_max"
    )"
  done
else
  total=0
  while IFS=$tab read -r path place; do
    [ "$total" -lt "$texts_max" ] || break
    send "$path" "$place"
  done
fi
field "$mark" end
