# What is different on a machine whose first process becomes systemd. boot.sh reads this.

# systemd changes what it finds, so that it gets devices of its own, and settings of the
# kernel that it can only read.
kernel_file_systems() {
    mount -t tmpfs -o mode=755 tmpfs "$new/dev"
    for device in null zero full random urandom tty; do
        : >"$new/dev/$device"
        mount --bind "/dev/$device" "$new/dev/$device"
    done
    mkdir "$new/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$new/dev/pts"
    ln -s pts/ptmx "$new/dev/ptmx"
    ln -s /proc/self/fd "$new/dev/fd"
    mount -t sysfs sysfs "$new/sys"
}

# A control group of its own, which is the root of all groups for whoever is in it.
control_group() {
    mkdir -p cgroups
    mount -t cgroup2 cgroup2 cgroups
    group=cgroups/$(cat control_group)
    # What a crash has left.
    ! [ -e "$group" ] || find "$group" -depth -type d -exec rmdir {} +
    mkdir -p "$group"
    echo 0 >"$group/cgroup.procs"
    umount cgroups
}

# sshd is the one of the package, started by systemd; only logins through PAM get sessions.
services() {
    sed 's/^UsePAM no$/UsePAM yes/' "$new/run/sshd_config" >"$new/etc/ssh/sshd_config"
    echo 'SSHD_OPTS="-E /var/log/sshd.log"' >"$new/etc/default/ssh"
    : >>"$new/var/log/sshd.log"
    mount --bind sshd.log "$new/var/log/sshd.log"
}

await_services() {
    until [ -s /run/sshd.pid ] && systemctl --quiet is-active multi-user.target; do sleep 0.05; done 2>/dev/null
    : >ready
}

# In a container systemd leaves alone what is the machine's; what it needs to change more
# than that is taken away.
become_systemd() {
    await_services 3>&- &
    mount --rbind /proc/sys /proc/sys
    mount -o remount,bind,ro /proc/sys
    exec setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-sys_boot \
        unshare --cgroup /bin/sh -ec '
            mount -t cgroup2 cgroup2 /sys/fs/cgroup
            mount -o remount,bind,ro /sys
            cd /
            exec env -i container=lab PATH="$PATH" /usr/lib/systemd/systemd --system 3>&-
        '
}
