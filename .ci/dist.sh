#!/usr/bin/env bash
# dist.sh ARCHIVE: the committed tree and its Go modules as one archive, the same
# bytes whenever and wherever it is made of the same commit.
set -euo pipefail
cd "$(dirname "$0")/.."

archive=$1 name=$(basename "$1" .tar.gz) work=build/dist
[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(realpath .)" ] || {
	echo 'a source archive is made of a git checkout' >&2
	exit 1
}
[ -z "$(git status --porcelain)" ] || echo 'what is not committed is not in the archive' >&2

rm -rf "$work"
mkdir -p "$work" "$(dirname "$archive")"
git archive --prefix="$name/" HEAD | tar -x -C "$work"
(cd "$work/$name" && go mod vendor)
tar -C "$work" --sort=name --mtime="@$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner \
	-c "$name" | gzip -n >"$archive"
rm -rf "$work"
echo "$archive"
