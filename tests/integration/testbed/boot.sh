# The first process of a machine: puts the machine's own file systems over the ones it
# was started with (or over those of the folder named in `root`), then runs its daemons.
# $1 is the machine's folder; it holds the settings as files and what survives a reboot.
set -eu
umask 022
cd "$1"
here=$1
# Read by the shell itself, so that it is its own number as seen from outside.
read -r pid _ </proc/self/stat
echo "$pid" >pid
exec 3>>sshd.log
# What is under test is usually below a folder that is about to be covered: hold it open.
{
    read -r sources
    read -r executables
} <exposed
exec 4<"$sources" 5<"$executables"

name=$(cat name)
address=$(cat address)
root=$(cat root)
new=
mkdir -p nix home superuser upper work

# Overlays cannot lie on overlays; there a copy serves as well.
layer() {
    mkdir -p "upper$2" "work$2"
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$here/upper$2,workdir=$here/work$2" "$new$2" 2>/dev/null && return
    [ -e "upper$2/.copied" ] || tar -C "$1" --one-file-system --exclude=./cache --exclude=./lib/apt -c . | tar -C "upper$2" -x
    : >"upper$2/.copied"
    mount --bind "upper$2" "$new$2"
}

other_root() {
    new=$here/tree
    mkdir -p tree
    layer "$root" /
    mkdir -p "$new/nix" "$new/old"
    kernel_file_systems
}

kernel_file_systems() {
    mount --rbind /dev "$new/dev"
    mount --rbind /sys "$new/sys"
}

store() {
    mkdir -p "$new/nix"
    if ! [ -e store_size ]; then
        mount --bind nix "$new/nix"
        return
    fi
    if ! [ -e nix.img ]; then
        truncate -s "$(cat store_size)M" nix.img
        mkfs.ext4 -q -m 0 nix.img
    fi
    mount -o loop nix.img "$new/nix"
}

hide_nix() {
    mkdir -p hidden
    mount -t tmpfs tmpfs hidden
    mkdir hidden/upper hidden/work
    mount -t overlay overlay -o "lowerdir=$new/usr/bin,upperdir=$here/hidden/upper,workdir=$here/hidden/work" "$new/usr/bin"
    rm -f "$new"/usr/bin/nix "$new"/usr/bin/nix-*
}

expose() {
    mkdir -p "$new$2"
    mount --no-canonicalize --bind "/proc/self/fd/$1" "$new$2"
}

# /tmp comes late, as the machine's folder is usually below it.
file_systems() {
    if [ -n "$root" ]; then
        other_root
    else
        layer /etc /etc
        layer /var /var
    fi
    store
    mount --bind home "$new/home"
    chmod 700 superuser
    mount --bind superuser "$new/root"
    ! [ -e hide_nix ] || hide_nix
    mount -t proc proc "$new/proc"
    cat /proc/sys/kernel/random/uuid >boot_id
    mount --bind boot_id "$new/proc/sys/kernel/random/boot_id"
    mount -t tmpfs -o mode=755 tmpfs "$new/run"
    mount -t tmpfs -o mode=1777 tmpfs "$new/tmp"
    expose 4 "$sources"
    expose 5 "$executables"
    exec 4<&- 5<&-
}

identity() {
    echo "$name" >/proc/sys/kernel/hostname
    echo "$name" >"$new/etc/hostname"
    cp hosts "$new/etc/hosts"
    mkdir -p "$new/etc/nix"
    cp nix.conf "$new/etc/nix/nix.conf"
    mkdir -p "$new/run/sshd" "$new/run/user/0"
    chmod 700 "$new/run/user/0"
    # Anyone may append to the log of activations; a sticky folder would refuse root.
    mkdir -p -m 777 "$new/var/lib/activations"
}

keys_of() {
    mkdir -p -m 700 "$2/.ssh"
    cp authorized_keys "$2/.ssh/authorized_keys"
    chown -R "$1:$1" "$2/.ssh"
}

# Written by hand: useradd takes longer than the whole boot, and locks accounts for sshd.
accounts() {
    sed -i 's/^root:[^:]*:/root:*:/' "$new/etc/shadow"
    keys_of 0 "$new/root"
    while read -r user uid shell; do
        ! grep -q "^$user:" "$new/etc/passwd" || continue
        echo "$user:x:$uid:$uid::/home/$user:$shell" >>"$new/etc/passwd"
        echo "$user:x:$uid:" >>"$new/etc/group"
        echo "$user:*:19000:0:99999:7:::" >>"$new/etc/shadow"
        mkdir -m 700 "$new/home/$user"
        chown "$uid:$uid" "$new/home/$user"
        keys_of "$uid" "$new/home/$user"
    done <users
    mkdir -p "$new/etc/sudoers.d"
    install -m 440 sudoers "$new/etc/sudoers.d/bed"
}

ssh_settings() {
    install -m 600 host_key "$new/run/ssh_host_key"
    sed "s/@address@/$address/" sshd_config >"$new/run/sshd_config"
}

enter() {
    [ -n "$new" ] || return 0
    pivot_root "$new" "$new/old"
    umount -l /old
}

daemons() {
    if [ -e /usr/bin/nix-daemon ]; then
        # One that a crash left would be taken for the new one's.
        rm -f /nix/var/nix/daemon-socket/socket
        nix-daemon &
        until [ -S /nix/var/nix/daemon-socket/socket ]; do sleep 0.01; done
    fi
    # Never in place of this shell: a first process ignores the signals that freeze it.
    /usr/sbin/sshd -D -e -f /run/sshd_config 2>&3 3>&- &
    until [ -s /run/sshd.pid ]; do sleep 0.01; done
}

# Puts the files of the machine's settings where they belong.
files() {
    ! [ -e files ] || tar -C files -c . | tar -C "${new:-/}" -x --no-overwrite-dir
}

! [ -e systemd ] || . ../systemd.sh
file_systems
identity
accounts
ssh_settings
files
if [ -e systemd ]; then
    services
    control_group
fi
enter
! [ -e systemd ] || become_systemd
if [ -n "$address" ]; then
    daemons
elif [ -e /usr/bin/nix-store ]; then
    # Two first uses at the same time would each find the other's half-made database.
    nix-store --init
fi
: >ready
cd /
while :; do
    sleep 3600 3>&- &
    wait
done
