#!/usr/bin/env bash
# deb.sh ARCHIVE VERSION: dist/*.deb, built of the source archive without a
# network, as a distribution would. The Debian files are those of .ci/debian;
# dpkg wants them at the top, where the tree does not have them.
set -euo pipefail
cd "$(dirname "$0")/.."

archive=$(realpath "$1") version=$2 work=$PWD/build/deb dist=$PWD/dist
rm -rf "$work" "$dist"/*.deb
mkdir -p "$work"
tar -xf "$archive" -C "$work"
cd "$work/libsocket-$version"
cp -r .ci/debian debian
date=$(date -u -R -r include/libsocket.h)
sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$date/" debian/changelog.in >debian/changelog
{
	cat debian/copyright.in
	for license in "$(go env GOROOT)/LICENSE" vendor/github.com/{BurntSushi/toml,vmihailenco/msgpack/v5,vmihailenco/tagparser/v2}/{LICENSE,COPYING}; do
		[ -f "$license" ] || continue
		printf '\n%s\n\n' "---- $(sed 's|.*/vendor/||; s|.*/go/LICENSE|Go|' <<<"$license")"
		cat "$license"
	done
} >debian/copyright
rm debian/*.in

GOCACHE=$(go env GOCACHE)
export GOCACHE GOMODCACHE=$work/modules GOPROXY=off GOFLAGS=-mod=vendor GOTOOLCHAIN=local
offline=()
[ "$(id -u)" -ne 0 ] || offline=(unshare --net)
if ! "${offline[@]}" dpkg-buildpackage --build=binary --no-sign --no-pre-clean >"$work/log" 2>&1; then
	cat "$work/log" >&2
	exit 1
fi
mv "$work"/*.deb "$dist"
cd "$dist/.." && printf "%s\n" dist/*.deb
