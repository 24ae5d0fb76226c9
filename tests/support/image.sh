#!/bin/sh
# image.sh ROOT COMPOSE USER COMMAND…: run a command in an unpacked image as the compose file has
# it: a root that cannot be written, config.yaml, secrets and state out of the folder COMPOSE. This
# machine's /usr stands in for that of the image's base. Run it in a mount namespace of its own.
set -eu
root=$1 compose=$2 user=$3
shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount --rbind /usr "$root/usr"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/secrets"
for secret in "$compose"/*-token "$compose"/*-key; do
    [ ! -e "$secret" ] || cp -p "$secret" "$root/run/secrets/"
done
mount -o remount,ro "$root/run"
mkdir -p "$root/etc/notion-review"
cp "$compose/config.yaml" "$root/etc/notion-review/"
mount --bind "$compose/state" "$root/var/lib/notion-review"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups \
    --bounding-set=-all --no-new-privs "$@"
