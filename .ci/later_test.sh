#!/usr/bin/env bash
# later_test.sh BASELINE PROGRAM...: runs programs that are linked with this
# build with a later one, which has a function more, an event of a kind that
# they do not know before each CONNECTED, and a meaning for a reserved field.
# Ends in "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."

baseline=$1
shift
later=build/test/later
mkdir -p $later/.ci
rm -rf $later/capi $later/socket $later/include
cp -r capi socket include go.mod go.sum $later
cp .ci/compile.sh .ci/signals.sh $later/.ci

# change FILE SED: fails when nothing changes.
change() {
	cp "$later/$1" $later/before
	sed -i -E "$2" "$later/$1"
	! cmp -s "$later/$1" $later/before || {
		echo "later_test.sh: nothing to change in $1" >&2
		exit 1
	}
}
change include/libsocket.h 's/^int libsocket_msgpack_to_json/int libsocket_later(libsocket_server server);\n&/'
printf '#include "shim.h"\nint libsocket_later(libsocket_server server) { return (int)server.id; }\n' >$later/capi/api_later.c
change socket/join.go 's/^\ts\.inbox\.force\(e\)/\ts.inbox.force(Event{Kind: 200, Text: "later"})\n&/'
change socket/client.go 's/^\tc\.inbox\.force\(Event\{Kind: EventConnected/\tc.inbox.force(Event{Kind: 200, Text: "later"})\n&/'
change capi/structs.go 's/^(\t+)list\[i\] = out/\1out.reserved[1] = 7\n&/'
$later/.ci/compile.sh $later/libsocket.so
ln -sf libsocket.so $later/libsocket.so.0

passed=0 failed=0
# report WHAT STATUS
report() {
	if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAIL with a later library: $1"; fi
}
status=0
abidw --exported-interfaces-only --type-id-style hash --no-architecture --no-corpus-path --no-comp-dir-path \
	--no-elf-needed --no-show-locs --out-file $later/libsocket.abi $later/libsocket.so
difference=$(abidiff --no-added-syms "$baseline" $later/libsocket.abi) || status=$?
[ $status -eq 0 ] || echo "$difference"
report 'its interface' $status
# It is the later one that the programs find.
LD_LIBRARY_PATH=$later ldd "$1" | grep "$later/libsocket.so.0" >/dev/null || report 'finding it' 1
for program; do
	status=0
	output=$(LD_LIBRARY_PATH=$later "$program" 2>&1) || status=$?
	[ $status -eq 0 ] || echo "$output"
	report "${program##*/}" $status
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
