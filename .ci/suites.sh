#!/usr/bin/env bash
# suites.sh TARGET...: makes each, all of them whatever fails, and closes with
# a table and the sum. A target is a suite, which ends in a line
# "N passed, N failed, N skipped"; one without such a line is a single test,
# one that says it ran none has failed.
set -euo pipefail
cd "$(dirname "$0")/.."

# What a suite needs is built by as many at a time as there are cores.
jobs=()
[[ ${MAKEFLAGS-} == *-j* ]] || jobs=("-j$(nproc)")

mkdir -p build/test
rows=() passed=0 failed=0 skipped=0
for target; do
	echo "== $target"
	log=build/test/${target#test-}.log start=$SECONDS status=passed
	"${MAKE:-make}" "${jobs[@]}" --no-print-directory "$target" 2>&1 | tee "$log" || status=FAILED

	counts=$(grep -E '[0-9]+ (passed|failed)' "$log" | tail -n 1 || true)
	count() { grep -oE "[0-9]+ $1" <<<"$counts" | cut -d' ' -f1 || echo 0; }
	p=$(count passed) f=$(count failed) s=$(count skipped)
	if [ -n "$counts" ] && [ "$p" -eq 0 ]; then status=FAILED; fi
	if [ -z "$counts" ] && [ "$status" = passed ]; then p=1; fi
	if [ "$status" = FAILED ] && [ "$f" -eq 0 ]; then f=1; fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	rows+=("$(printf '%-10s %-7s %6d passed %4d failed %4d skipped %5d s' \
		"${target#test-}" "$status" "$p" "$f" "$s" $((SECONDS - start)))")
done

echo
printf '%s\n' "${rows[@]}"
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
