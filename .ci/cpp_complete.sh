#!/usr/bin/env bash
# cpp_complete.sh HEADER CPP-HEADER...: checks that what the C header declares
# is there in C++ too: every function, and every constant but those that a
# program passes on as they are.
set -euo pipefail

header=$1
shift
as_they_are='LIBSOCKET_(H|VERSION.*|PULL|HOLD)$'
declared=$({
	gcc -E -P "$header" | grep -oE '\blibsocket_[a-z_]+\(' | tr -d '('
	sed -nE 's/^#define (LIBSOCKET_[A-Z0-9_]+).*/\1/p' "$header" | grep -vE "^$as_they_are"
} | LC_ALL=C sort -u)
missing=$(LC_ALL=C comm -23 <(echo "$declared") <(grep -hoE '\b(libsocket|LIBSOCKET)_[A-Za-z0-9_]+' "$@" | LC_ALL=C sort -u))
if [ -n "$missing" ]; then
	echo "bindings/c/libsocket.hpp lacks:" >&2
	echo "$missing" >&2
	exit 1
fi
