# Reads everything that a plan needs to know of a node, in one round trip. POSIX sh, because that
# is all that every node has. Writes nothing. The answer is fields that end with NUL. Every program that is started costs
# a node about a millisecond, one of Nix thirty: what the shell can do itself, it does.
LC_ALL=C
export LC_ALL
field() { printf "%s\0" "$@"; }

mark=$1
agent=$2
protocol=$3
shift 3
field "$mark" begin

# An agent that root has put where rules for sudo can name it is used instead of the one that is sent, if nobody but
# root could have written it and it speaks the same protocol.
for file in /run/current-system/sw/libexec/deploy/activate /usr/local/libexec/deploy/activate; do
  [ -x "$file" ] || continue
  owned=$(find -L "$file" -maxdepth 0 -type f -user 0 ! -perm -0020 ! -perm -0002 2>/dev/null)
  if [ -n "$owned" ]; then
    case $("$file" handshake 2>/dev/null </dev/null) in
      *"\"protocol\":$protocol,"*)
        agent=$file
        field installed "$file"
        break
        ;;
    esac
  fi
done

nix=$(command -v nix-store 2>/dev/null) && nix=${nix%/*} && on_path=yes
if [ -z "$nix" ]; then
  on_path=no
  for folder in /run/current-system/sw/bin /nix/var/nix/profiles/default/bin "$HOME/.nix-profile/bin" \
    /usr/local/bin /usr/bin /bin; do
    if [ -x "$folder/nix-store" ]; then nix=$folder; break; fi
  done
fi
field nix "$nix" "$on_path"
# A Nix that lies in the store has its version in its name.
if [ -L "$nix/nix-store" ] || [ -L "$nix" ]; then field nix-program "$(readlink -f "$nix/nix-store" 2>/dev/null)"; fi
field uname "$(uname -s -m)"
boot=
if [ -r /proc/sys/kernel/random/boot_id ]; then read -r boot </proc/sys/kernel/random/boot_id; fi
field boot "$boot"
field now "$(date +%s)"
field free "$(df -Pk /nix/store 2>/dev/null)"
if [ -e /run/current-system ]; then field current "$(readlink -f /run/current-system 2>/dev/null)"; fi
# What only a reboot changes, as it was booted.
if [ -e /run/booted-system ]; then
  field booted "$(readlink -f /run/booted-system 2>/dev/null)"
  for part in initrd kernel kernel-modules systemd; do
    field booted-part "$part" "$(readlink -f "/run/booted-system/$part" 2>/dev/null)"
  done
  for part in init-interface-version switch-inhibitors; do
    field booted-part "$part" "$(head -c 65536 "/run/booted-system/$part" 2>/dev/null)"
  done
fi
# Tells after word $1 which units are not inactive: only what runs is ever restarted.
active_units() {
  word=$1
  shift
  units=$(systemctl "$@" list-units --plain --no-legend --full --no-pager 2>/dev/null) || return
  field "$word" "$(printf "%s\n" "$units" | while read -r unit load active rest; do printf "%s %s\n" "$unit" "$active"; done)"
}
if [ -d /run/systemd/system ]; then active_units units; fi
me=$(id -un)
field me "$me" "$(id -Gn)"
field trusted "$(sed -n "s/^ *\(extra-\)\{0,1\}trusted-users *= *//p" /etc/nix/nix.conf 2>/dev/null)"
# Who is in no session of logind has nothing to fear from it.
cgroup=
if [ -r /proc/self/cgroup ]; then
  while read -r line; do cgroup="$cgroup $line"; done </proc/self/cgroup
fi
case $cgroup in
  */session-*.scope*)
    field logind "$(loginctl show-session --property=KillUserProcesses --property=KillExcludeUsers \
      --property=KillOnlyUsers 2>/dev/null)"
    field linger "$(ls /var/lib/systemd/linger 2>/dev/null)"
    ;;
esac

# Says whether a file below $1 can be looked for: its nearest existing folder must be searchable.
searchable() {
  folder=$1
  while [ -n "$folder" ] && [ ! -e "$folder" ]; do folder=${folder%/*}; done
  folder=${folder:-/}
  [ -x "$folder" ] && [ -r "$folder" -o "$folder" != "$1" ]
}

# The two folders that a user's profiles may be in: the old one, and the one below that user's own state.
folders_of() {
  old=/nix/var/nix/profiles/per-user/$1
  if [ "$1" = "$me" ] && [ -n "$XDG_STATE_HOME" ]; then
    new=$XDG_STATE_HOME/nix/profiles
  else
    home=$(getent passwd "$1" 2>/dev/null | cut -d: -f6)
    if [ -z "$home" ] && [ "$1" = "$me" ]; then home=$HOME; fi
    new=${home:+$home/.local/state/nix/profiles}
  fi
}

# Says whether sudo runs the agent that reads $1. Only the -l of the real command: it needs no password and
# leaves no incident in a log.
may_read() {
  allowed=none
  if [ -n "$sudo" ] && [ -x "$agent" ]; then
    if eval "$sudo -l \"\$agent\" read \"\$1\"" >/dev/null 2>&1 </dev/null; then allowed=yes; else allowed=no; fi
  fi
  [ "$allowed" = yes ]
}
read_as_user() { eval "$sudo \"\$agent\" read \"\$1\"" 2>/dev/null </dev/null; }

# Finds the link $2 of user $1: in the old folder where that exists. But Nix's daemon makes the old folder for
# whoever talks to it (2.8 does), so a profile that is in the new one already is looked for there first.
find_link() {
  folders_of "$1"
  if [ -L "$old/$2" ] || [ -z "$new" ]; then
    if [ -d "$old" ]; then path=$old/$2; fi
  elif [ ! -d "$old" ] || [ -L "$new/$2" ]; then
    path=$new/$2
  elif searchable "$new"; then
    path=$old/$2
  elif may_read "$new/$2"; then
    case $(read_as_user "$new/$2") in
      *'"state":{"state":"present"'*) path=$new/$2 ;;
      *) path=$old/$2 ;;
    esac
  else
    path=$new/$2
  fi
}

newline="
"
count_words() { count=$#; }

# Tells of the links of generations what each is, and what lies behind it: the same programs as the agent's, or none of
# them.
generations() {
  [ -L "$1" ] || return
  links=$(readlink -- "$@" 2>/dev/null)
  set -f
  IFS=$newline
  count_words $links
  unset IFS
  set +f
  # One that vanishes meanwhile leaves an empty line.
  if [ "$count" != $# ]; then links=$(for link in "$@"; do readlink -- "$link" || echo; done); fi
  field links "$links"
  for link in "$@"; do
    content=
    if [ ! -e "$link" ]; then
      content=gone
    elif [ -x "$link/deploy-rs-activate" ] || [ -x "$link/bin/switch-to-configuration" ] || [ -x "$link/activate" ]; then
      content=program
    fi
    field generation "${link##*/}" "$content"
  done
  field dates "$(stat -c "%Y %n" "$@" 2>/dev/null)"
}

# The last run, and whether somebody works on the profile now. The lock is never tried: for as long as that takes
# whoever wants it would be refused. The kernel lists locks by device and inode, for everybody.
last_run() {
  journal=$1/journal.json
  if [ -r "$journal" ]; then
    field journal "$(head -c 262144 "$journal")" "$(stat -c %Y "$journal" 2>/dev/null)"
  elif [ -e "$journal" ] || ! [ -x "$1" ] && [ -e "$1" ]; then
    field hidden
  fi
  if [ ! -e "$1/lock" ]; then
    field unlocked
  elif [ -r /proc/locks ] && lock=$(stat -c "%d %i" "$1/lock" 2>/dev/null); then
    field lock "$lock" "$(grep ":${lock##* } " /proc/locks)" "$(cat "$1/holder.json" 2>/dev/null)"
  fi
}

# Four words per profile: name, user, path or nothing, and the command line of its sudo or nothing.
while [ $# -gt 0 ]; do
  name=$1
  user=$2
  path=$3
  sudo=$4
  shift 4
  if [ -z "$path" ]; then find_link "$user" "$name"; fi
  may_read "$path"
  field profile "$name" "$path" "$allowed"
  if [ -z "$path" ]; then continue; fi
  folder=${path%/*}
  base=${path##*/}
  if searchable "$folder"; then
    link=
    if [ -L "$path" ]; then link=$(readlink "$path" 2>/dev/null); fi
    field link "$link"
    generations "$folder/$base"-*-link
    last_run "$folder/.deploy/$base"
    # Without root only a user can ask that user's systemd, and only a home has units for it.
    if [ "$user" = "$me" ] && [ -e "$path/home-files/.config/systemd/user" ]; then
      XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
      export XDG_RUNTIME_DIR
      active_units "units of user" --user
    fi
  elif [ "$allowed" = yes ]; then
    field reading "$(read_as_user "$path")"
  else
    field unreadable "$folder"
  fi
done
field "$mark" end
