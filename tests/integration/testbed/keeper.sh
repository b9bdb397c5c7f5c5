# Keeps the machines of one bed: starts those whose names it reads, and ends and removes
# them all when its standard input ends, which also happens if the tests are killed.
# $1 is the bed's folder. The clean-up asks for parents by id, never for names.
set -u
umask 077
bed=$1
cd "$bed" || exit 1

start() {
    unshare -m -p -u -i -f /bin/sh "$bed/boot.sh" "$bed/$1" </dev/null >>"$1/boot.log" 2>&1 &
    started="$started $!"
}

# The parent lasts as long as the namespace does, so its end means that nothing is left in it.
finish() {
    while runs "$1"; do
        for init in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do kill -KILL "$init" 2>/dev/null; done
        sleep 0.01
    done
}

# A number may have passed to somebody else's process since: only a child of this shell counts.
runs() {
    read -r _ _ state parent _ 2>/dev/null <"/proc/$1/stat" && [ "$parent" = $$ ] && [ "$state" != Z ]
}

# A machine with systemd has a control group below the bed's, which is no part of its folder.
drop_groups() {
    set -- */control_group
    [ -e "$1" ] || return 0
    mkdir cgroups
    unshare -m /bin/sh -ec 'mount -t cgroup2 cgroup2 cgroups; find "cgroups/$0" -depth -type d -exec rmdir {} +' "${bed##*/}"
}

started=
while read -r name; do start "$name"; done

for parent in $started; do finish "$parent"; done
drop_groups
cd /
rm -rf --one-file-system "$bed"
