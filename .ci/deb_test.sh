#!/usr/bin/env bash
# deb_test.sh VERSION: lintian looks at the packages in dist/; then they are
# installed, tried and removed in a copy of this machine, an overlay that is
# gone afterwards and that the machine does not see.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$1 smoke=$PWD/.ci/debian/smoke
packages=(dist/libsocket0_"$version"-1_*.deb dist/libsocket-dev_"$version"-1_*.deb
	dist/python3-dotfiles-socket_"$version"-1_*.deb)

# The tag is about Debian's own archive: an upload there closes a bug.
lintian --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "${packages[@]}"

if [ "$(id -u)" -ne 0 ]; then
	echo '0 passed, 0 failed, 1 skipped: installing packages needs root' >&2
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/debs"
cp "${packages[@]}" "$work/debs"
cp -r "$smoke" "$work/smoke"
unshare --mount bash -euo pipefail -s "$work" <<'INSIDE'
work=$1
mkdir "$work/layers"
mount -t tmpfs tmpfs "$work/layers"
mkdir "$work/layers/"{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/layers/upper,workdir=$work/layers/work" "$work/layers/root"
mount --rbind /dev "$work/layers/root/dev"
mount -t proc proc "$work/layers/root/proc"
mkdir -p "$work/layers/root/packages"
cp "$work"/debs/* "$work/layers/root/packages"
cp -r "$work/smoke" "$work/layers/root/smoke"
env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
	${http_proxy:+http_proxy=$http_proxy} ${https_proxy:+https_proxy=$https_proxy} \
	chroot "$work/layers/root" bash /smoke/run.sh
INSIDE
