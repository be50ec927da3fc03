#!/usr/bin/env bash
# dist_test.sh ARCHIVE: unpacks the archive elsewhere, and there, without a
# network and without a module that was fetched before, builds and installs the
# library and vets all Go code, that of the tests too.
set -euo pipefail
cd "$(dirname "$0")/.."

archive=$(realpath "$1") package_test=$PWD/bindings/c/test/package_test.sh
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
tar -xf "$archive" -C "$work"
cd "$work"/libsocket-*

offline=(unshare --net)
[ "$(id -u)" -eq 0 ] || offline=(unshare --map-root-user --net)
GOCACHE=$(go env GOCACHE)
export GOCACHE GOMODCACHE=$work/modules GOPROXY=off GOFLAGS=-mod=vendor GOTOOLCHAIN=local
if "${offline[@]}" bash -c ': >/dev/tcp/127.0.0.1/1' 2>&1 | grep refused >/dev/null; then
	echo 'the network is not off' >&2
	exit 1
fi
"${offline[@]}" "${MAKE:-make}" --no-print-directory --silent install "PREFIX=$work/prefix" DESTDIR=
"${offline[@]}" go vet ./...
"${offline[@]}" .ci/layout.sh
"$package_test" "$work/prefix"
