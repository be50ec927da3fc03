#!/usr/bin/env bash
# elf.sh HEADER LIBRARY SONAME: checks what the file promises to a dynamic linker.
# The functions of the header leave it, under one version, and nothing else; relro and bind-now are on;
# nothing is relocated in the text; the stack is not executable; its
# thread-local storage fits the small static block that dlopen has left.
set -euo pipefail

header=$1 library=$2 soname=$3
tls_bound=256
status=0

fail() {
	echo "$library: $*" >&2
	status=1
}

declared=$(gcc -E -P "$header" | grep -oE '\blibsocket_[a-z_]+\(' | sed 's/($/@@LIBSOCKET_0/' | LC_ALL=C sort)
exported=$(nm --dynamic --defined-only "$library" | awk '$2 != "A" { print $3 }' | LC_ALL=C sort)
if ! difference=$(diff <(echo "$declared") <(echo "$exported")); then
	fail "the header (<) and the exports (>) differ:"
	grep '^[<>]' <<<"$difference" >&2
fi

dynamic=$(readelf --dynamic --wide "$library")
segments=$(readelf --segments --wide "$library")
grep -qF "Library soname: [$soname]" <<<"$dynamic" || fail "its soname is not $soname"
grep -qE 'BIND_NOW|FLAGS.* NOW' <<<"$dynamic" || fail "is not linked with -z now"
grep -qF TEXTREL <<<"$dynamic" && fail "has text relocations"
grep -qF GNU_RELRO <<<"$segments" || fail "is not linked with -z relro"
grep -qE 'GNU_STACK.* RWE' <<<"$segments" && fail "asks for an executable stack"
tls=$(awk '$1 == "TLS" { print $6 }' <<<"$segments")
[ $((${tls:-0})) -le $tls_bound ] || fail "has $((tls)) bytes of thread-local storage, more than $tls_bound"
exit $status
