#!/bin/sh
# container.sh PROJECT PACKAGES FOLDER COMMAND…: run a command as a bare container image would: a user
# without a name, a root that cannot be written, no folder for temporary files. FOLDER is what may
# be written. Run it in a mount namespace of its own; the three are at /mnt/project and so on.
set -eu
project=$1 packages=$2 folder=$3
shift 3
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/project /mnt/packages /mnt/work
mount --bind "$project" /mnt/project
mount --bind "$packages" /mnt/packages
mount --bind "$folder" /mnt/work
chown -R 54321:54321 /mnt/work
mount -o remount,bind,ro /mnt
mount -o remount,bind,ro /
for place in /tmp /var/tmp /dev/shm; do
    mount -t tmpfs -o ro,mode=0755 tmpfs "$place"
done
cd /mnt/work
exec setpriv --reuid 54321 --regid 54321 --clear-groups "$@"
