#!/usr/bin/env bash
# Checks that the top level of the tree holds what it should and no more.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted='bindings capi docs examples go.mod go.sum include Makefile README.md socket'
# Without git (a source archive) everything there is counts, but for what the
# build itself leaves, and the Go modules that come with it.
found=$(git ls-files --cached --others --exclude-standard 2>/dev/null || ls --ignore=build --ignore=dist --ignore=vendor)
found=$(cut -d/ -f1 <<<"$found" | grep -v '^\.' | LC_ALL=C sort -u)

if ! difference=$(diff <(tr ' ' '\n' <<<"$wanted" | LC_ALL=C sort) <(echo "$found")); then
	echo "the top level differs from what it should hold (< missing, > too much):" >&2
	grep '^[<>]' <<<"$difference" >&2
	exit 1
fi
