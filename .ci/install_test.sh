#!/usr/bin/env bash
# Installs into a prefix of its own, builds programs against it, uninstalls,
# and looks what is left; then the same staged, as a package is made.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=$PWD/build/test/prefix stage=$PWD/build/test/stage
rm -rf "$prefix" "$stage"
make() { command "${MAKE:-make}" --no-print-directory --silent "$@"; }

fail() {
	echo "$1" >&2
	exit 1
}

# nothing_in DIRECTORY
nothing_in() {
	local left
	left=$(find "$1" ! -type d)
	[ -z "$left" ] || fail "uninstall left: $left"
}

make install "PREFIX=$prefix" DESTDIR=
bindings/c/test/package_test.sh "$prefix"
make uninstall "PREFIX=$prefix" DESTDIR=
nothing_in "$prefix"

make install PREFIX=/usr "DESTDIR=$stage"
! grep -rI "$stage" "$stage" || fail 'DESTDIR is named in what was installed'
make uninstall PREFIX=/usr "DESTDIR=$stage"
nothing_in "$stage"
