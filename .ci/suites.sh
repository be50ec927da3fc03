#!/usr/bin/env bash
# suites.sh STAGE...: makes each target, all of them whatever fails, and closes
# with a table and the sum. A stage is a target, or several with a plus between
# them: the first, and beside it the others, one after the other.
#
# A target is a suite, which ends in a line "N passed, N failed, N skipped";
# one without such a line is a single test, one that says it ran none has
# failed.
set -euo pipefail
cd "$(dirname "$0")/.."

# What a suite needs is built by as many at a time as there are cores.
jobs=()
[[ ${MAKEFLAGS-} == *-j* ]] || jobs=("-j$(nproc)")

# suite TARGET: its output stays in a log, and its line of the table beside it.
suite() {
	local name=${1#test-} start=$SECONDS status=passed counts p f s
	local log=build/test/$name.log
	echo "== $1"
	"${MAKE:-make}" "${jobs[@]}" --no-print-directory "$1" 2>&1 | tee "$log" || status=FAILED

	counts=$(grep -E '[0-9]+ (passed|failed)' "$log" | tail -n 1 || true)
	count() { grep -oE "[0-9]+ $1" <<<"$counts" | cut -d' ' -f1 || echo 0; }
	p=$(count passed) f=$(count failed) s=$(count skipped)
	if [ -n "$counts" ] && [ "$p" -eq 0 ]; then status=FAILED; fi
	if [ -z "$counts" ] && [ "$status" = passed ]; then p=1; fi
	if [ "$status" = FAILED ] && [ "$f" -eq 0 ]; then f=1; fi
	printf '%-11s %-7s %6d passed %4d failed %4d skipped %5d s\n' \
		"$name" "$status" "$p" "$f" "$s" $((SECONDS - start)) >"build/test/$name.row"
}

mkdir -p build/test
rm -f build/test/*.row
rows=() beside=
# A process group of its own, which ends with this.
trap '[ -z "$beside" ] || kill -- "-$beside" 2>/dev/null || true' EXIT
for stage; do
	read -ra targets <<<"${stage//+/ }"
	if [ ${#targets[@]} -gt 1 ]; then
		set -m
		for target in "${targets[@]:1}"; do suite "$target"; done >build/test/beside.log 2>&1 &
		beside=$!
		set +m
	fi
	suite "${targets[0]}"
	if [ -n "$beside" ]; then
		wait "$beside" || true
		beside=
		cat build/test/beside.log
	fi
	rows+=("${targets[@]/#test-/}")
done

echo
passed=0 failed=0 skipped=0
for name in "${rows[@]}"; do
	row=$(cat "build/test/$name.row" 2>/dev/null || echo "$name FAILED 0 passed 1 failed 0 skipped")
	echo "$row"
	read -r _ _ p _ f _ s _ <<<"$row"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
