#!/usr/bin/env bash
# fuzz.sh TIME [PATTERN]: runs each Go fuzz target of the tree for TIME.
# Go takes one target a run. What a target found stays in its testdata/fuzz
# and is a test case from then on: commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."

time=$1 pattern=${2:-.}
failed=() count=0
while IFS=: read -r file target; do
	[[ $target =~ $pattern ]] || continue
	count=$((count + 1))
	echo "== $target ($(dirname "$file"), $time)"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")" || failed+=("$target")
done < <(find socket capi bindings examples -name '*_test.go' -exec grep -Ho '^func Fuzz[A-Za-z0-9_]*' {} + |
	sed 's/func //' | LC_ALL=C sort)

if [ "$count" -eq 0 ]; then
	echo "no fuzz target matches $pattern" >&2
	exit 1
fi
echo "$((count - ${#failed[@]})) passed, ${#failed[@]} failed"
if [ ${#failed[@]} -gt 0 ]; then
	echo "failed: ${failed[*]}" >&2
	exit 1
fi
