#!/bin/bash
# PID 1 of the lab: a systemd of its own over a throw-away copy of this machine's root.
# Started by lab.py in new PID, mount, UTS, IPC and cgroup namespaces; what it writes lies in
# memory and is gone with it. Never on the shared root: at boot, systemd empties /tmp.
#   $LAB      a folder of the host for the pieces of the new root
#   $SEED     a tree that is copied over it
#   $BINDS    lines "host-folder lab-folder" that are made visible in it
set -euo pipefail

mount --make-rprivate /
mount -t tmpfs -o mode=0755 lab "$LAB"
mkdir "$LAB"/{written,work,root}
mount -t overlay -o "lowerdir=/,upperdir=$LAB/written,workdir=$LAB/work" lab "$LAB/root"
new=$LAB/root

mount -t proc proc "$new/proc"
mount -t sysfs -o ro sysfs "$new/sys"
mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup"
mount --rbind /dev "$new/dev"
mount -t tmpfs -o mode=0755 run "$new/run"
mount -t tmpfs -o mode=1777 tmp "$new/tmp"
while read -r from to; do
    [ -n "$from" ] || continue
    mkdir -p "$new$to"
    mount --rbind "$from" "$new$to"
done <<<"$BINDS"

cp -a "$SEED/." "$new/"
units=$new/etc/systemd/system
# The machine's own services and its hardware are none of the lab's business.
for unit in systemd-udevd systemd-udev-trigger systemd-timesyncd systemd-networkd \
    systemd-modules-load systemd-binfmt systemd-remount-fs systemd-firstboot; do
    ln -sf /dev/null "$units/$unit.service"
done
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\n' >"$units/lab.target"
hostname lab

cd "$new"
pivot_root . mnt
umount -l /mnt
# Credentials reach a unit through mounts that propagate into its own namespace.
mount --make-rshared /
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=lab.target --log-target=journal
