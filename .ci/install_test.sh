#!/usr/bin/env bash
# Installs into a prefix of its own, in which others have files, builds programs
# against it, moves it and builds them again; uninstalls, and looks whether just
# that is gone; then the same staged, as a package is made.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD prefix=$PWD/build/test/prefix moved=$PWD/build/test/moved stage=$PWD/build/test/stage
rm -rf "$prefix" "$moved" "$stage"
make() { command "${MAKE:-make}" --no-print-directory --silent "$@"; }

fail() {
	echo "$1" >&2
	exit 1
}

# others DIRECTORY: files with names near to ours, where ours will be.
others() {
	local file
	for file in lib/libsocketcan.so lib/libsocket.so.9 lib/pkgconfig/libsocketcan.pc include/libsocketcan.h \
		lib/cmake/libsocket/other.cmake share/man/man3/libsocketcan.3 share/man/man7/socket.7 \
		share/doc/libsocket/other.md; do
		mkdir -p "$1/$(dirname "$file")"
		echo other >"$1/$file"
	done
}
files() { (cd "$1" && find . ! -type d | LC_ALL=C sort); }

# foreign DIRECTORY WORD...: no file may name where it was built or staged.
foreign() {
	local word
	for word in "${@:2}"; do
		if grep -rlF -- "$word" "$1"; then fail "these name $word"; fi
	done
}

others "$prefix"
before=$(files "$prefix")
make install "PREFIX=$prefix" DESTDIR=
bindings/c/test/package_test.sh "$prefix"
page=$(MANPAGER="cat" man -M "$prefix/share/man" 3 libsocket_server_send)
grep -q 'int libsocket_server_send(' <<<"$page" ||
	fail 'libsocket_server_send(3) is not found'
[ -s "$prefix/share/doc/libsocket/settings.md" ] || fail 'the page of settings, which the header names, is not there'

mv "$prefix" "$moved"
bindings/c/test/package_test.sh "$moved"
mv "$moved" "$prefix"
make uninstall "PREFIX=$prefix" DESTDIR=
diff <(echo "$before") <(files "$prefix") || fail 'uninstall left (>) or took (<) these'

others "$stage/opt/x"
before=$(files "$stage")
layout=(PREFIX=/opt/x LIBDIR=/opt/x/lib/triplet "DESTDIR=$stage")
make install "${layout[@]}"
foreign "$stage" "$stage" "$root" "$HOME/"
grep -qx 'prefix=/opt/x' "$stage/opt/x/lib/triplet/pkgconfig/libsocket.pc" || fail 'the prefix is not in libsocket.pc'
make uninstall "${layout[@]}"
diff <(echo "$before") <(files "$stage") || fail 'uninstall left (>) or took (<) these'
