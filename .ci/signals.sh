#!/usr/bin/env bash
# signals.sh FILE: writes an overlay for `go build` that makes the runtime leave
# SIGCHLD and SIGRTMIN (34) to the host.
#
# The threads of the library block the host's signals (capi/process.c), but the
# runtime unblocks these two in every thread of its own. A host that reads
# SIGCHLD from a descriptor or with sigwait would lose most of them: the kernel
# gives a signal to any thread that does not block it. The runtime needs
# neither: it starts no children here, and 34 is for another libc.
set -euo pipefail

table=$(go env GOROOT)/src/runtime/sigtab_linux_generic.go
# The underscore keeps ./... from taking it for a package of ours.
changed=$(realpath "$(dirname "$1")")/_runtime/sigtab.go
mkdir -p "$(dirname "$changed")"
sed -e '/"SIGCHLD:/s/_SigUnblock + //' \
	-e '/"signal 34"/s/_SigSetStack + _SigUnblock/_SigNotify/' "$table" >"$changed"
if [ "$(diff "$table" "$changed" | grep -c '^>')" -ne 2 ]; then
	echo "$table is not as expected: see $0" >&2
	exit 1
fi
printf '{"Replace": {"%s": "%s"}}\n' "$table" "$changed" >"$1"
