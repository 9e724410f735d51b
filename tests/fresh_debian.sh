#!/bin/bash
# Shows that the README's two commands work on a machine where nothing was installed by hand: makes a fresh
# Debian 12 root with mmdebstrap, copies a clone of this checkout in, and runs both commands there in
# namespaces of its own. Needs root, mmdebstrap and the package mirror of this machine.
#
#   tests/fresh_debian.sh [run|test|both]     (default both)
set -euo pipefail
cd "$(dirname "$0")/.."
verb=${1:-both}

[ "$(id -u)" -eq 0 ] || { echo "fresh_debian: error: needs root, to make a root file system" >&2; exit 3; }
command -v mmdebstrap > /dev/null || { echo "fresh_debian: error: mmdebstrap is missing; apt-get install mmdebstrap" >&2; exit 3; }

folder=$(mktemp -d /var/tmp/gantry-fresh-XXXXXX)
trap 'rm -rf --one-file-system "$folder"' EXIT
root=$folder/root

# The machine's own package sources are used, whatever mirror they name.
echo "== making a Debian 12 root in $root"
sources=$(mktemp)
{ cat /etc/apt/sources.list 2> /dev/null; cat /etc/apt/sources.list.d/*.list 2> /dev/null; } | grep -E '^deb ' > "$sources" || true
deb822=$(find /etc/apt/sources.list.d -name '*.sources' 2> /dev/null | head -n 1)
if [ ! -s "$sources" ] && [ -n "$deb822" ]; then
    cp "$deb822" "$sources"
fi
hooks=()
for extra in /etc/apt/apt.conf /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/99*; do
    [ -f "$extra" ] && hooks+=("--aptopt=$extra" "--setup-hook=mkdir -p \"\$1/etc/apt/apt.conf.d\" && cp $extra \"\$1/etc/apt/apt.conf.d/\"")
done
mmdebstrap --quiet --variant=minbase --include=ca-certificates,git "${hooks[@]}" bookworm "$root" - < "$sources"
rm -f "$sources"

# So is the machine's own npm registry, and whom it trusts for it.
if command -v npm > /dev/null; then
    registry=$(npm config get registry) cafile=$(npm config get cafile)
    echo "registry=$registry" > "$root/etc/npmrc"
    if [ -f "$cafile" ]; then
        cp "$cafile" "$root/etc/ssl/npm-ca.crt"
        echo "cafile=/etc/ssl/npm-ca.crt" >> "$root/etc/npmrc"
    fi
fi

git clone -q --no-hardlinks . "$root/srv/gantry"

# shellcheck disable=SC2016 # the inner shell expands
enter() { # a mount, pid, uts and ipc namespace of its own; the network is the machine's (packages come over it)
    unshare --mount --pid --fork --kill-child --uts --ipc --propagation private \
        bash -c 'set -e; root=$1; shift
            mount --bind "$root" "$root"
            mount -t proc proc "$root/proc"; mount --rbind /sys "$root/sys"; mount -t tmpfs tmpfs "$root/tmp"
            mount -t tmpfs -o mode=755 tmpfs "$root/dev"
            for n in null zero full random urandom tty; do touch "$root/dev/$n"; mount --bind "/dev/$n" "$root/dev/$n"; done
            mkdir "$root/dev/shm" "$root/dev/pts"; mount -t tmpfs tmpfs "$root/dev/shm"; mount -t devpts devpts "$root/dev/pts"
            ln -s /proc/self/fd "$root/dev/fd"; ln -s pts/ptmx "$root/dev/ptmx"
            cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2> /dev/null || true; cp /etc/hosts "$root/etc/hosts" 2> /dev/null || true
            cd "$root"; mkdir -p .old; pivot_root . .old; cd /; umount -l /.old; rmdir /.old 2> /dev/null || true
            exec env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb "$@"' \
        enter "$root" "$@"
}

for v in run test; do
    [ "$verb" = both ] || [ "$verb" = "$v" ] || continue
    echo "== fresh Debian 12: packaging/bootstrap $v"
    enter bash -c "cd /srv/gantry && packaging/bootstrap $v"
done
echo "== fresh Debian 12: done"
